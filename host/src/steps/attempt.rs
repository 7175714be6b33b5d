//! One attempt of a step: what is to be made, who hears of it, and what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use segno_journal::retry::Mishap;
use segno_journal::{APART_FROM, Op, RunId, StepCall, Timestamp};

use crate::steps::beats::Heard;
use crate::steps::places::{Claim, Place};
use crate::steps::streams::Writes;

/// One attempt of a step, to be made.
#[derive(Debug, Clone)]
pub struct StepAttempt {
    /// The run that asked for the step.
    pub run: RunId,
    /// The workflow of that run.
    pub workflow: Arc<str>,
    /// When that run was started.
    pub run_started_at: Timestamp,
    /// The operation.
    pub op: Op,
    /// What was asked for.
    pub call: Arc<StepCall>,
    /// Which attempt it is, from 1.
    pub number: u32,
    /// When the first attempt failed, if one did.
    pub first_at: Option<Timestamp>,
    /// How often the host went down while the step ran, if that is watched: then it is on disk that the
    /// attempt begins before it does.
    pub losses: Option<u32>,
    /// What an attempt before it last said of how far it was, as JSON.
    pub heartbeat: Option<Arc<str>>,
}

impl StepAttempt {
    /// Whose places it takes.
    pub(super) fn claim(&self) -> Claim {
        let suspect = self.losses.filter(|losses| *losses >= APART_FROM);
        Claim { run: self.run, workflow: Arc::clone(&self.workflow), suspect }
    }
}

/// Who is told of an attempt.
pub struct Hearers {
    /// Called once it has its place, before it begins, where that must be on disk first.
    pub begins: Option<Box<dyn FnOnce(Go) + Send>>,
    /// Called with what it says of how far it is, as JSON, and not more often than the disk can bear.
    pub heartbeat: Heard,
    /// Is given what it writes to the streams of its run.
    pub writes: Writes,
    /// Called once, when it is over; unless it was told to stop before it succeeded.
    pub ended: Box<dyn FnOnce(StepAttempt, Outcome, Running) + Send>,
}

/// Lets an attempt begin. If this is dropped instead, it never does.
pub struct Go(Box<dyn FnOnce() + Send>);

impl Go {
    /// What lets an attempt begin.
    pub(super) fn new(go: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(go))
    }

    /// The attempt may begin.
    pub fn go(self) {
        (self.0)();
    }
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It returned this output, as JSON.
    Returned(String),
    /// It went wrong.
    Failed(Mishap),
    /// It was held back, because the host stops.
    NeverBegan,
}

/// The place of an attempt among those that run at once. It is to be kept until the run takes what
/// became of the attempt: where runs do not keep up with their steps, no more steps begin, and what
/// they return does not pile up.
#[derive(Debug, Default)]
pub struct Running {
    place: Option<Place>,
    began: Option<Instant>,
}

impl Running {
    /// An attempt begins now, at this place.
    pub(super) fn at(place: Place) -> Self {
        Self { place: Some(place), began: Some(Instant::now()) }
    }

    /// Somebody says how the attempt ends, at this place.
    pub(super) fn held(place: Option<Place>) -> Self {
        Self { place, began: None }
    }

    /// The host has lived long enough with the attempt: it is no suspect any more.
    pub(super) fn clear(&mut self) {
        if let Some(place) = &mut self.place {
            place.clear();
        }
    }

    /// How long ago the attempt began, if it did.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.began.map(|began| began.elapsed())
    }
}
