//! Which shards are at a message, and for how long.

use segno_journal::RunId;

use crate::engine::handle::Engine;
use crate::engine::inbox::{Busy, Gate, LOOK};

impl Engine {
    /// The shards that have been at one message for so long that they count as not answering.
    #[must_use]
    pub fn unresponsive(&self) -> Vec<Busy> {
        self.busy().filter(Busy::is_too_long).collect()
    }

    /// The shards that are at a message.
    pub(crate) fn busy(&self) -> impl Iterator<Item = Busy> {
        self.0.inboxes.busy().flatten()
    }

    /// Whether no shard answers, so that nothing can happen to any run.
    #[must_use]
    pub fn no_shard_answers(&self) -> bool {
        self.0.inboxes.gates().all(Gate::is_unresponsive)
    }

    /// Whether the shard of a run does not answer.
    pub(crate) fn is_unresponsive(&self, run: RunId) -> bool {
        self.0.inboxes.gate(run).is_unresponsive()
    }

    /// Waits until the shard of a run does not answer.
    pub(crate) async fn until_unresponsive(&self, run: RunId) {
        while !self.is_unresponsive(run) {
            self.0.outside.clock().pause(LOOK).await;
        }
    }
}
