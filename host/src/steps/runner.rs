//! Who makes the attempts of steps.

use std::time::Duration;

use segno::native::Responder;
use segno_journal::retry::{FOREVER, Policy};
use segno_journal::{Op, RunId, StepCall, Timestamp};

use crate::steps::attempt::{Hearers, StepAttempt};
use crate::steps::places::Places;
use crate::steps::simulated::SimulatedSteps;
use crate::steps::tasks::Tasks;

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

    /// Whether no attempt gets a place until it is said otherwise. Those that run come to their ends.
    pub(crate) fn hold(&self, is_held: bool) {
        self.places().hold(is_held);
    }

    /// The attempts that wait for a place get what is free, where they are not held.
    pub(crate) fn give_out(&self) {
        self.places().give_out();
    }

    fn places(&self) -> &Places {
        match self {
            Self::Tasks(tasks) => tasks.places(),
            Self::Simulated(listed) => listed.places(),
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

    /// Tells the attempt of a step to stop, if there is one: the step is given up.
    pub fn cancel(&self, run: RunId, op: Op) {
        match self {
            Self::Tasks(tasks) => tasks.cancel(run, op),
            Self::Simulated(listed) => listed.cancel(run, op),
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
