//! Whether the host is paused, as the disk says it.

use std::sync::atomic::Ordering;

use crate::engine::inbox::Message;
use crate::engine::outside::Outside;
use crate::steps::StepAttempt;
use crate::store::StoreError;

impl Outside {
    /// Whether the host is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.0.held_up.is_paused.load(Ordering::Acquire)
    }

    /// Heeds what the disk says: whether the host is paused. Then no attempt gets a place. Where it was and is no more,
    /// those that wait get theirs, the attempts that were put off are brought again, and every shard is told.
    pub(crate) fn heed_pause(
        &self,
        is_paused: impl FnOnce() -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut attempts = self.0.held_up.attempts.lock();
        let is_paused = is_paused()?;
        let was_paused = self.0.held_up.is_paused.swap(is_paused, Ordering::AcqRel);
        self.0.runner.hold(is_paused);
        if !was_paused || is_paused {
            return Ok(());
        }
        let put_off = std::mem::take(&mut *attempts);
        drop(attempts);
        self.go_on(put_off);
        Ok(())
    }

    /// The host goes on, and with it these attempts.
    fn go_on(&self, put_off: Vec<StepAttempt>) {
        self.0.runner.give_out();
        put_off.into_iter().for_each(|attempt| self.tell(attempt.run, Message::Retry(attempt)));
        if let Some(inboxes) = self.0.inboxes.get() {
            inboxes.host_goes_on();
        }
    }
}
