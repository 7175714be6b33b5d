//! Ending a run from outside whose state is known here: at once, or when it has cleaned up.

use segno_journal::{Event, RunId};

use crate::engine::clock::in_ms;
use crate::engine::error::EngineError;
use crate::engine::inbox::{Asker, CancelHow, Delivery, Then};
use crate::engine::shard::Shard;
use crate::engine::shard::fold::looked_at;

impl Shard {
    /// Somebody cancels a run. One that has something to clean up is told, once, and ends when it has done so.
    pub(super) fn cancel(&mut self, id: RunId, by: Asker, how: CancelHow, then: Then) {
        let active = self.runs.get(&id);
        let is_unread = active.is_some_and(|active| active.unread.is_some());
        if is_unread && !how.kill && self.cleans_up_on_disk(id) {
            return then.fail(EngineError::CannotCleanUp(id));
        }
        let event = match active.filter(|_| !is_unread) {
            Some(active) if !how.kill && active.run.cleans_up() => {
                let (by, within_ms) = (by.into_name(), in_ms(how.within));
                Event::Cancelling { by, error: None, within_ms }
            }
            _ => {
                self.note_cancel(id, by);
                Event::Cancelled
            }
        };
        self.turn(id, Delivery::new(event, then));
    }

    /// Whether a run whose state is not known here has something to clean up, as far as that can be read.
    fn cleans_up_on_disk(&self, id: RunId) -> bool {
        let Some(active) = self.runs.get(&id) else { return false };
        let read = looked_at(&self.store, (id, active.record.clone()), self.config.limits);
        read.is_ok_and(|read| read.run.cleans_up())
    }
}
