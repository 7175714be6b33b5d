//! The ends of runs that somebody is to be told of.

use parking_lot::Mutex;
use segno_api::RunStatus;
use segno_journal::RunId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::engine::metrics::RunOutcome;

/// Where it is said that such a run has ended, once that is on disk. As many wait here as have ended since the
/// last look, a few bytes each.
pub(crate) struct Ends {
    told: Mutex<Option<UnboundedSender<RunId>>>,
    hears: Mutex<Option<UnboundedReceiver<RunId>>>,
}

impl Default for Ends {
    fn default() -> Self {
        let (told, hears) = unbounded_channel();
        Self { told: Mutex::new(Some(told)), hears: Mutex::new(Some(hears)) }
    }
}

impl Ends {
    /// A run has ended.
    pub(super) fn tell(&self, run: RunId) {
        if let Some(told) = &*self.told.lock() {
            // A simulated host has nobody who calls.
            let _nobody = told.send(run);
        }
    }

    /// Who hears of it: one, once. It ends when the host stops.
    pub(crate) fn hear(&self) -> Option<UnboundedReceiver<RunId>> {
        self.hears.lock().take()
    }

    /// Nobody is called any more: the host stops.
    pub(crate) fn stop(&self) {
        drop(self.told.lock().take());
    }
}

/// How a run ended that stands so, if it did.
pub(super) const fn outcome_of(status: RunStatus) -> Option<RunOutcome> {
    match status {
        RunStatus::Running | RunStatus::Blocked | RunStatus::Pending | RunStatus::Paused => None,
        RunStatus::Completed => Some(RunOutcome::Completed),
        RunStatus::Failed => Some(RunOutcome::Failed),
        RunStatus::Cancelled => Some(RunOutcome::Cancelled),
    }
}
