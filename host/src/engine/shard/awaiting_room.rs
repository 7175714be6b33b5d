//! The events of runs for whose guests there is no room now.

use std::collections::{BTreeMap, VecDeque};

use segno_journal::{Event, Op, RunId};

use crate::engine::inbox::Delivery;

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
        event.ends().is_none() && self.has(id)
    }

    /// Whether a hook of the run hears by an event that waits that it has its token.
    pub(crate) fn opens(&self, id: RunId, op: Op) -> bool {
        let opens = |delivery: &Delivery| matches!(delivery.event, Event::HookOpened { op: of } if of == op);
        self.events.get(&id).is_some_and(|waiting| waiting.iter().any(opens))
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// An event waits from now on, behind what else waits of its run.
    pub(super) fn put(&mut self, id: RunId, delivery: Delivery) {
        self.events.entry(id).or_default().push_back(delivery);
    }

    /// One more message was handled: whether it is to be tried again.
    pub(super) fn is_to_be_tried(&mut self) -> bool {
        self.messages += usize::from(!self.is_empty());
        self.messages >= MESSAGES
    }

    /// Takes all that waits, to try it again.
    pub(super) fn take(&mut self) -> BTreeMap<RunId, VecDeque<Delivery>> {
        self.messages = 0;
        std::mem::take(&mut self.events)
    }
}
