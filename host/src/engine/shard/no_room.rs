//! Events of runs for whose guests there is no room now. They wait, and have their turns in order when
//! there is: that the host is full is no fault of a run. They wait in memory; what a crash takes of
//! them, recovery brings again or its sender was never told.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use segno_journal::RunId;

use crate::engine::inbox::Delivery;
use crate::engine::inbox::Message;
use crate::engine::shard::Shard;

/// How soon it is tried again where nothing else happens.
const PAUSE: Duration = Duration::from_millis(200);

impl Shard {
    /// Keeps an event until there is room for the guest of its run.
    pub(crate) fn await_room(&mut self, id: RunId, delivery: Delivery) {
        if self.awaiting_room.is_empty() {
            tracing::warn!(run = %id, "there is no room for the guest of a run; what happens to it waits");
        }
        self.awaiting_room.put(id, delivery);
    }

    /// Waits for a message; meanwhile it is tried whether there is room.
    pub(crate) fn receive(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        while !self.awaiting_room.is_empty() {
            match inbox.recv_timeout(PAUSE) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => {
                    self.try_awaiting();
                    self.committer.write_alone();
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        inbox.recv().ok()
    }

    /// A message was handled: now and then it is tried whether there is room.
    pub(crate) fn note_handled(&mut self) {
        if self.awaiting_room.is_to_be_tried() {
            self.try_awaiting();
        }
    }

    fn try_awaiting(&mut self) {
        for (id, deliveries) in self.awaiting_room.take() {
            self.at_work(|shard| {
                deliveries.into_iter().for_each(|delivery| shard.turn(id, delivery));
                shard.go_on_with_held(id);
            });
        }
    }
}
