//! Who waits for which operation.
//!
//! Each operation has a waker of its own. The map is ordered and holds only what is open, so that
//! a run of years stays as small as what it waits for.
//!
//! No waker is cloned, woken or dropped in here: it may run code of the author's, which may ask for
//! an operation while this is borrowed. Wakers are handed in, and those that are done with are
//! handed out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::types::{Event, Operation};

/// Where what comes from outside lies until it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inbox {
    /// The operation by which it is taken.
    pub(crate) operation: Operation,
    /// The name of the signals that it takes in, if it does: they come to the run, and not to an
    /// operation.
    pub(crate) name: Option<Arc<str>>,
}

impl Inbox {
    /// The inbox of a webhook or a hook.
    pub(crate) const fn of(operation: Operation) -> Self {
        Self { operation, name: None }
    }
}

/// What a run waits for.
#[derive(Default)]
pub(crate) struct Operations {
    open: BTreeMap<Operation, Slot>,
    /// The signals that nobody took yet, and those who wait for one, by name: they may come before
    /// anybody takes in those of their name.
    signals: BTreeMap<String, Contents>,
    /// Numbers those who wait for what comes from outside.
    waiters: u64,
}

/// An open operation.
pub(crate) enum Slot {
    /// It is answered once, and is not yet.
    Waiting(Option<Waker>),
    /// Its answer lies here until the workflow looks.
    Answered(Event),
    /// It is a webhook or a hook, to which something comes as often as the world likes.
    Inbox(Contents),
    /// It takes in signals.
    Signals,
}

/// What lies in an inbox, and those who wait for more.
#[derive(Default)]
pub(crate) struct Contents {
    events: VecDeque<Event>,
    waiting: Vec<(u64, Waker)>,
    closed: bool,
}

impl Operations {
    /// Opens an operation that is answered once.
    pub(crate) fn open(&mut self, operation: Operation) {
        self.open.insert(operation, Slot::Waiting(None));
    }

    /// Opens a webhook, a hook, or the signals of a name.
    pub(crate) fn open_inbox(&mut self, inbox: &Inbox) {
        let slot = match inbox.name {
            None => Slot::Inbox(Contents::default()),
            Some(_) => Slot::Signals,
        };
        self.open.insert(inbox.operation, slot);
    }

    /// Gives an operation up. Its answer, if it still comes, is ignored.
    pub(crate) fn close(&mut self, operation: Operation) -> Option<Slot> {
        self.open.remove(&operation)
    }

    /// Whether anybody can still look for what comes to an operation.
    pub(crate) fn is_open(&self, operation: Operation) -> bool {
        self.open.contains_key(&operation)
    }

    /// Whether an operation is answered once, and is not yet.
    pub(crate) fn is_waiting(&self, operation: Operation) -> bool {
        matches!(self.open.get(&operation), Some(Slot::Waiting(_)))
    }

    /// Stores an event where its operation will look for it, and says who is to be woken. What
    /// belongs to nobody is dropped: the workflow gave the operation up, or has its answer.
    pub(crate) fn deliver(&mut self, operation: Operation, event: Event) -> Vec<Waker> {
        let Some(slot) = self.open.get_mut(&operation) else {
            return Vec::new();
        };
        match slot {
            Slot::Inbox(contents) => {
                contents.events.push_back(event);
                contents.wakers()
            }
            Slot::Answered(_) | Slot::Signals => Vec::new(),
            Slot::Waiting(_) => match std::mem::replace(slot, Slot::Answered(event)) {
                Slot::Waiting(waker) => waker.into_iter().collect(),
                Slot::Answered(_) | Slot::Inbox(_) | Slot::Signals => Vec::new(),
            },
        }
    }

    /// Stores a signal where those will look for it who take in its name, and says who is to be woken.
    pub(crate) fn deliver_signal(&mut self, name: &str, event: Event) -> Vec<Waker> {
        let contents = match self.signals.get_mut(name) {
            Some(contents) => contents,
            None => self.signals.entry(name.to_owned()).or_default(),
        };
        contents.events.push_back(event);
        contents.wakers()
    }

    /// The answer of an operation, which is then closed. While there is none, `waker` changes
    /// places with the one that was known.
    pub(crate) fn poll_answer(
        &mut self,
        operation: Operation,
        waker: &mut Option<Waker>,
    ) -> Poll<Event> {
        if let Some(Slot::Waiting(known)) = self.open.get_mut(&operation) {
            std::mem::swap(known, waker);
            return Poll::Pending;
        }
        match self.open.remove(&operation) {
            Some(Slot::Answered(event)) => Poll::Ready(event),
            // It was polled again after its answer, which no future of this crate does.
            Some(Slot::Waiting(_) | Slot::Inbox(_) | Slot::Signals) | None => Poll::Pending,
        }
    }

    /// The oldest of what lies in an inbox; `None` when it is closed and empty. While there is nothing,
    /// `waker` changes places with the one that was known.
    pub(crate) fn poll_inbox(
        &mut self,
        inbox: &Inbox,
        waiter: &mut Option<u64>,
        waker: &mut Option<Waker>,
    ) -> Poll<Option<Event>> {
        if let Some(name) = &inbox.name
            && !self.signals.contains_key(&**name)
        {
            self.signals.insert(name.to_string(), Contents::default());
        }
        let Some(contents) = self.contents_mut(inbox) else { return Poll::Ready(None) };
        if let Some(event) = contents.events.pop_front() {
            self.tidy(inbox);
            return Poll::Ready(Some(event));
        }
        if contents.closed {
            return Poll::Ready(None);
        }
        let number = *waiter.get_or_insert_with(|| {
            self.waiters += 1;
            self.waiters
        });
        if let Some(contents) = self.contents_mut(inbox) {
            contents.wait(number, waker);
        }
        Poll::Pending
    }

    /// Forgets one who waited for something in an inbox, and gives its waker.
    pub(crate) fn forget_waiter(&mut self, inbox: &Inbox, waiter: u64) -> Option<Waker> {
        let contents = self.contents_mut(inbox)?;
        let at = contents.waiting.iter().position(|(number, _)| *number == waiter);
        let waker = at.map(|at| contents.waiting.remove(at).1);
        self.tidy(inbox);
        waker
    }

    /// Lets those who wait know that nothing further will come.
    pub(crate) fn close_inbox(&mut self, inbox: &Inbox) -> Vec<Waker> {
        match self.open.get_mut(&inbox.operation) {
            Some(Slot::Inbox(contents)) => {
                contents.closed = true;
                contents.wakers()
            }
            Some(Slot::Waiting(_) | Slot::Answered(_) | Slot::Signals) | None => Vec::new(),
        }
    }

    /// How many operations are open.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many wait for something in an inbox.
    #[cfg(test)]
    pub(crate) fn waiters_of(&mut self, inbox: &Inbox) -> usize {
        self.contents_mut(inbox).map_or(0, |contents| contents.waiting.len())
    }

    /// How many names there are of which a signal lies here or is waited for.
    #[cfg(test)]
    pub(crate) fn names(&self) -> usize {
        self.signals.len()
    }

    fn contents_mut(&mut self, inbox: &Inbox) -> Option<&mut Contents> {
        match (&inbox.name, self.open.get_mut(&inbox.operation)) {
            (Some(name), _) => self.signals.get_mut(&**name),
            (None, Some(Slot::Inbox(contents))) => Some(contents),
            (None, _) => None,
        }
    }

    /// Forgets a name of which nothing lies here and that nobody waits for: a run of years stays as small
    /// as what it waits for.
    fn tidy(&mut self, inbox: &Inbox) {
        if let Some(name) = &inbox.name
            && self.signals.get(&**name).is_some_and(Contents::is_idle)
        {
            self.signals.remove(&**name);
        }
    }
}

impl Contents {
    /// How much nobody took yet of what the host counts. The answer to a hook that asks for its token
    /// does not lie untaken.
    pub(crate) fn untaken(&self) -> usize {
        self.events.iter().filter(|event| event.is_taken()).count()
    }

    /// Whether nothing comes any more.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn is_idle(&self) -> bool {
        self.events.is_empty() && self.waiting.is_empty()
    }

    /// Remembers whom to wake; the same waiter has one place.
    fn wait(&mut self, number: u64, waker: &mut Option<Waker>) {
        match (self.waiting.iter_mut().find(|(known, _)| *known == number), waker) {
            (Some((_, known)), Some(waker)) => std::mem::swap(known, waker),
            (None, waker) => self.waiting.extend(waker.take().map(|waker| (number, waker))),
            (Some(_), None) => {}
        }
    }

    /// All who wait: which of them takes the event is the workflow's affair.
    fn wakers(&mut self) -> Vec<Waker> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(_, waker)| waker).collect()
    }
}
