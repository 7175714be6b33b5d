//! A host that is paused: what happens to runs is kept for them, and no attempt of a step begins.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::steps::StepAttempt;

/// Whether the host is paused, and which attempts were due meanwhile.
#[derive(Default)]
pub(super) struct HeldUp {
    pub(super) is_paused: AtomicBool,
    pub(super) attempts: Mutex<Vec<StepAttempt>>,
}

impl HeldUp {
    /// The attempt, if it may begin; otherwise it is put off.
    pub(super) fn passed(&self, attempt: StepAttempt) -> Option<StepAttempt> {
        let mut attempts = self.attempts.lock();
        if !self.is_paused.load(Ordering::Acquire) {
            return Some(attempt);
        }
        attempts.push(attempt);
        None
    }
}
