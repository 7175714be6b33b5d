//! Who waits for which operation.
//!
//! Each operation has a waker of its own. The map is ordered and holds only what is open, so that
//! a run of years stays as small as what it waits for.
//!
//! No waker is cloned, woken or dropped in here: it may run code of the author's, which may ask for
//! an operation while this is borrowed. Wakers are handed in, and those that are done with are
//! handed out.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};

use crate::types::{Event, Operation, Request};

/// What a run waits for.
#[derive(Default)]
pub(crate) struct Operations {
    open: BTreeMap<Operation, Slot>,
    /// Numbers those who wait for requests.
    waiters: u64,
}

/// An open operation.
pub(crate) enum Slot {
    /// It is answered once, and is not yet.
    Waiting(Option<Waker>),
    /// Its answer lies here until the workflow looks.
    Answered(Event),
    /// It is a webhook, which is answered as often as the world likes.
    Inbox(Inbox),
}

/// The requests of a webhook that nobody took yet, and those who wait for one.
#[derive(Default)]
pub(crate) struct Inbox {
    requests: VecDeque<Request>,
    waiting: Vec<(u64, Waker)>,
    closed: bool,
}

impl Operations {
    /// Opens an operation that is answered once.
    pub(crate) fn open(&mut self, operation: Operation) {
        self.open.insert(operation, Slot::Waiting(None));
    }

    /// Opens a webhook.
    pub(crate) fn open_inbox(&mut self, webhook: Operation) {
        self.open.insert(webhook, Slot::Inbox(Inbox::default()));
    }

    /// Gives an operation up. Its answer, if it still comes, is ignored.
    pub(crate) fn close(&mut self, operation: Operation) -> Option<Slot> {
        self.open.remove(&operation)
    }

    /// Whether anybody can still look for what comes to an operation.
    pub(crate) fn is_open(&self, operation: Operation) -> bool {
        self.open.contains_key(&operation)
    }

    /// Stores an event where its operation will look for it, and says who is to be woken. What
    /// belongs to nobody is dropped: the workflow gave the operation up, or has its answer.
    pub(crate) fn deliver(&mut self, operation: Operation, event: Event) -> Vec<Waker> {
        let Some(slot) = self.open.get_mut(&operation) else {
            return Vec::new();
        };
        match (slot, event) {
            (Slot::Inbox(inbox), Event::Requested(request)) => {
                inbox.requests.push_back(request);
                inbox.wakers()
            }
            (Slot::Inbox(_) | Slot::Answered(_), _) | (Slot::Waiting(_), Event::Requested(_)) => {
                Vec::new()
            }
            (slot @ Slot::Waiting(_), answer) => {
                match std::mem::replace(slot, Slot::Answered(answer)) {
                    Slot::Waiting(waker) => waker.into_iter().collect(),
                    Slot::Answered(_) | Slot::Inbox(_) => Vec::new(),
                }
            }
        }
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
            Some(Slot::Waiting(_) | Slot::Inbox(_)) | None => Poll::Pending,
        }
    }

    /// The oldest request of a webhook; `None` when it is closed and empty. While there is none,
    /// `waker` changes places with the one that was known.
    pub(crate) fn poll_request(
        &mut self,
        webhook: Operation,
        waiter: &mut Option<u64>,
        waker: &mut Option<Waker>,
    ) -> Poll<Option<Request>> {
        let Some(Slot::Inbox(inbox)) = self.open.get_mut(&webhook) else {
            return Poll::Ready(None);
        };
        if let Some(request) = inbox.requests.pop_front() {
            return Poll::Ready(Some(request));
        }
        if inbox.closed {
            return Poll::Ready(None);
        }
        let number = *waiter.get_or_insert_with(|| {
            self.waiters += 1;
            self.waiters
        });
        inbox.wait(number, waker);
        Poll::Pending
    }

    /// Forgets one who waited for a request, and gives its waker.
    pub(crate) fn forget_waiter(&mut self, webhook: Operation, waiter: u64) -> Option<Waker> {
        let Some(Slot::Inbox(inbox)) = self.open.get_mut(&webhook) else {
            return None;
        };
        let at = inbox.waiting.iter().position(|(number, _)| *number == waiter)?;
        Some(inbox.waiting.remove(at).1)
    }

    /// Lets those who wait know that no further request will come.
    pub(crate) fn close_inbox(&mut self, webhook: Operation) -> Vec<Waker> {
        match self.open.get_mut(&webhook) {
            Some(Slot::Inbox(inbox)) => {
                inbox.closed = true;
                inbox.wakers()
            }
            Some(Slot::Waiting(_) | Slot::Answered(_)) | None => Vec::new(),
        }
    }

    /// How many operations are open.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many wait for a request of a webhook.
    #[cfg(test)]
    pub(crate) fn waiters_of(&self, webhook: Operation) -> usize {
        match &self.open[&webhook] {
            Slot::Inbox(inbox) => inbox.waiting.len(),
            Slot::Waiting(_) | Slot::Answered(_) => 0,
        }
    }
}

impl Inbox {
    /// How many requests nobody took yet.
    pub(crate) fn untaken(&self) -> usize {
        self.requests.len()
    }

    /// Remembers whom to wake; the same waiter has one place.
    fn wait(&mut self, number: u64, waker: &mut Option<Waker>) {
        match (self.waiting.iter_mut().find(|(known, _)| *known == number), waker) {
            (Some((_, known)), Some(waker)) => std::mem::swap(known, waker),
            (None, waker) => self.waiting.extend(waker.take().map(|waker| (number, waker))),
            (Some(_), None) => {}
        }
    }

    /// All who wait: which of them takes the request is the workflow's affair.
    fn wakers(&mut self) -> Vec<Waker> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(_, waker)| waker).collect()
    }
}
