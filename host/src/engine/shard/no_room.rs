//! Events of runs for whose guests there is no room now. They wait, and have their turns in order when
//! there is: that the host is full is no fault of a run. They wait in memory; what a crash takes of
//! them, recovery brings again or its sender was never told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use segno_journal::{Event, RunId};

use crate::engine::inbox::Delivery;
use crate::engine::inbox::Message;
use crate::engine::shard::Shard;

/// How soon it is tried again where nothing else happens.
const PAUSE: Duration = Duration::from_millis(200);

/// After how many messages it is tried again where the shard has no pause.
const MESSAGES: usize = 256;

/// The events that wait for room, by run.
#[derive(Default)]
pub(crate) struct AwaitingRoom {
    events: BTreeMap<RunId, VecDeque<Delivery>>,
    /// How many messages were handled since it was last tried.
    messages: usize,
}

impl AwaitingRoom {
    /// Whether something waits that happened to this run.
    pub(crate) fn has(&self, id: RunId) -> bool {
        self.events.contains_key(&id)
    }

    /// Whether this event has to wait, because others of its run do. Only an end from outside does not.
    pub(crate) fn comes_first(&self, id: RunId, event: &Event) -> bool {
        *event != Event::Cancelled && self.has(id)
    }
}

impl Shard {
    /// Keeps an event until there is room for the guest of its run.
    pub(crate) fn hold(&mut self, id: RunId, delivery: Delivery) {
        if self.awaiting_room.events.is_empty() {
            tracing::warn!(run = %id, "there is no room for the guest of a run; what happens to it waits");
        }
        self.awaiting_room.events.entry(id).or_default().push_back(delivery);
    }

    /// Waits for a message; meanwhile it is tried whether there is room.
    pub(crate) fn receive(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        while !self.awaiting_room.events.is_empty() {
            match inbox.recv_timeout(PAUSE) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => {
                    self.try_held();
                    self.committer.write_alone();
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        inbox.recv().ok()
    }

    /// A message was handled: now and then it is tried whether there is room.
    pub(crate) fn note_handled(&mut self) {
        if !self.awaiting_room.events.is_empty() {
            self.awaiting_room.messages += 1;
            if self.awaiting_room.messages >= MESSAGES {
                self.try_held();
            }
        }
    }

    fn try_held(&mut self) {
        self.awaiting_room.messages = 0;
        for (id, deliveries) in std::mem::take(&mut self.awaiting_room.events) {
            self.at_work(|shard| {
                deliveries.into_iter().for_each(|delivery| shard.turn(id, delivery));
                shard.go_on_parked(id);
            });
        }
    }
}
