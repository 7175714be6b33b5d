//! Who makes the attempts of steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use segno::native::Responder;
use segno_journal::retry::{FOREVER, Mishap, Policy};
use segno_journal::{APART_FROM, Op, RunId, StepCall, Timestamp};

use crate::steps::places::{Claim, Place};
use crate::steps::simulated::SimulatedSteps;
use crate::steps::tasks::Tasks;

/// One attempt of a step, to be made.
#[derive(Debug, Clone)]
pub struct StepAttempt {
    /// The run that asked for the step.
    pub run: RunId,
    /// The workflow of that run.
    pub workflow: Arc<str>,
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

/// What makes the attempts of the steps of a host. Cheap to clone.
#[derive(Clone)]
pub enum Runner {
    /// Each runs in a task of its own.
    Tasks(Tasks),
    /// None runs: somebody else says how each ends.
    Simulated(SimulatedSteps),
}

impl Runner {
    /// The steps that this host has.
    #[must_use]
    pub fn steps(&self) -> &segno::Steps {
        match self {
            Self::Tasks(tasks) => tasks.steps(),
            Self::Simulated(listed) => listed.steps(),
        }
    }

    /// How often and how soon a step is tried again: what the call wants, else what the step declares, within
    /// what the host allows.
    #[must_use]
    pub fn policy(&self, call: &StepCall) -> Policy {
        let host_max_retries = match self {
            Self::Tasks(tasks) => tasks.max_retries(),
            Self::Simulated(_) => FOREVER,
        };
        super::policy(self.steps(), call, host_max_retries)
    }

    /// How many attempts run. Those that wait for others to end are not counted.
    #[must_use]
    pub fn running(&self) -> usize {
        match self {
            Self::Tasks(tasks) => tasks.running(),
            Self::Simulated(listed) => listed.in_flight().len(),
        }
    }

    /// How many attempts wait for a place.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match self {
            Self::Tasks(tasks) => tasks.waiting(),
            Self::Simulated(_) => 0,
        }
    }

    /// Makes an attempt.
    pub fn start(
        &self,
        attempt: StepAttempt,
        now: Timestamp,
        responder: Responder,
        hearers: Hearers,
    ) {
        match self {
            Self::Tasks(tasks) => tasks.start(attempt, now, responder, hearers),
            Self::Simulated(listed) => listed.start(attempt, hearers),
        }
    }

    /// Tells the steps of a run to stop: the run is over.
    pub fn cancel_run(&self, run: RunId) {
        match self {
            Self::Tasks(tasks) => tasks.cancel_run(run),
            Self::Simulated(listed) => listed.cancel_run(run),
        }
    }

    /// Waits for the attempts that were told to stop. Those that do not heed it are cut off where they
    /// wait for something.
    pub async fn cut_off(&self) {
        match self {
            Self::Tasks(tasks) => tasks.cut_off().await,
            Self::Simulated(_) => {}
        }
    }

    /// Holds back what has not begun, lets what runs come to its end for at most this long, and then
    /// tells the rest to stop.
    pub async fn drain(&self, at_most: Duration) {
        match self {
            Self::Tasks(tasks) => tasks.drain(at_most).await,
            Self::Simulated(listed) => listed.drain(),
        }
    }
}
