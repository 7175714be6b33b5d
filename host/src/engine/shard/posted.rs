//! Signals that came in batches. Each lies in a row of its own until its run has it: that goes in the commit of
//! the turn, or of what holds it, so to be told of it again is to have it once.

use segno_journal::{Event, Refusal, RunId};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Delivery, Message, Then};
use crate::engine::shard::Shard;
use crate::engine::shard::active::Unread;
use crate::store::{HeldEvent, Posted, StoreError};

impl Shard {
    /// Whether a run can take signals of these names and sizes, as it stands.
    pub(super) fn has_room(
        &self,
        id: RunId,
        signals: &[(String, usize)],
    ) -> Result<(), EngineError> {
        let active = match (self.runs.get(&id), self.unreadable.get(&id)) {
            (Some(active), _) => active,
            (None, Some(damage)) => return Err(damage.clone().into()),
            (None, None) => return Err(EngineError::SignalTooLate(id)),
        };
        if let Some(unread) = &active.unread {
            return Err(unread.refusal());
        }
        let bytes = signals.iter().map(|(_, size)| size).sum();
        let signals = signals.iter().map(|(name, size)| (&**name, *size));
        let fits = active.held.has_room(signals.len(), bytes);
        fits.and(active.run.admits_signals(signals)).map_err(|refusal| match refusal {
            Refusal::Full => EngineError::InboxFull,
            Refusal::Ended | Refusal::NotOpen(_) | Refusal::Repeated => {
                EngineError::SignalTooLate(id)
            }
        })
    }

    /// A batch has sent a run a signal.
    pub(super) fn posted(&mut self, posted: Posted) {
        let Posted { run, number, .. } = posted;
        let unread = self.runs.get(&run).and_then(|active| active.unread.as_deref());
        if matches!(unread, Some(Unread::Left)) {
            return self.left_posted.entry(run).or_default().push(posted);
        }
        match self.store.posted(&posted) {
            Ok(Some(HeldEvent { event: event @ Event::Signalled { .. }, .. })) => {
                self.turn(run, Delivery::new(event, Then::Batch(posted)));
            }
            Ok(None) => {}
            // It waits for whoever mends the row.
            Ok(Some(_)) | Err(StoreError::Record { .. }) => {
                tracing::error!(%run, number, "a signal of a batch cannot be read, and does not come");
            }
            Err(error) => self.committer.give_up(error),
        }
    }

    /// Brings signals again that lay where a run was left out: it is not any more, or is over.
    pub(super) fn tell_left_posted(&mut self, id: RunId) {
        for posted in self.left_posted.remove(&id).unwrap_or_default() {
            self.outside.tell(id, Message::Posted(posted));
        }
    }
}
