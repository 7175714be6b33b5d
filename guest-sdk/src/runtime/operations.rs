//! Who waits for which operation.
//!
//! Each operation has a waker of its own. The maps are ordered and hold only what is open, so
//! that a run of years stays as small as what it waits for.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::Request;
use crate::runtime::{Event, Operation, Runtime};

/// What a run waits for.
#[derive(Default)]
pub(crate) struct Operations {
    open: BTreeMap<Operation, Slot>,
    inboxes: BTreeMap<Operation, Inbox>,
    /// Numbers those who wait for requests.
    waiters: u64,
}

/// An operation that is answered once.
pub(crate) enum Slot {
    Waiting(Option<Waker>),
    Answered(Event),
}

/// The requests of a webhook that nobody took yet, and those who wait for one.
#[derive(Default)]
pub(crate) struct Inbox {
    requests: VecDeque<Request>,
    waiting: BTreeMap<u64, Waker>,
    closed: bool,
}

impl Operations {
    /// Opens an operation that is answered once.
    pub(crate) fn open(&mut self, operation: Operation) {
        self.open.insert(operation, Slot::Waiting(None));
    }

    /// Opens a webhook.
    pub(crate) fn open_inbox(&mut self, webhook: Operation) {
        self.inboxes.insert(webhook, Inbox::default());
    }

    /// Stores an event where its operation will look for it, and says who is to be woken.
    pub(crate) fn deliver(&mut self, operation: Operation, event: Event) -> Vec<Waker> {
        if let Event::Requested(request) = event {
            let Some(inbox) = self.inboxes.get_mut(&operation) else {
                return Vec::new();
            };
            inbox.requests.push_back(request);
            return inbox.wakers();
        }
        match self.open.get_mut(&operation) {
            Some(slot @ Slot::Waiting(_)) => match std::mem::replace(slot, Slot::Answered(event)) {
                Slot::Waiting(waker) => waker.into_iter().collect(),
                Slot::Answered(_) => Vec::new(),
            },
            // The workflow dropped it, or it has its answer.
            Some(Slot::Answered(_)) | None => Vec::new(),
        }
    }

    /// The answer of an operation, which is then closed.
    fn poll_answer(&mut self, operation: Operation, context: &Context<'_>) -> Poll<Event> {
        match self.open.get_mut(&operation) {
            Some(Slot::Waiting(waker)) => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
            Some(Slot::Answered(_)) | None => match self.open.remove(&operation) {
                Some(Slot::Answered(event)) => Poll::Ready(event),
                Some(Slot::Waiting(_)) | None => Poll::Pending,
            },
        }
    }

    /// Gives an operation up. Its answer, if it still comes, is ignored.
    pub(crate) fn close(&mut self, operation: Operation) -> Option<Slot> {
        self.open.remove(&operation)
    }

    /// The oldest request of a webhook.
    pub(crate) fn poll_request(
        &mut self,
        webhook: Operation,
        waiter: &mut Option<u64>,
        context: &Context<'_>,
    ) -> Poll<Option<Request>> {
        let Some(inbox) = self.inboxes.get_mut(&webhook) else {
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
        inbox.waiting.insert(number, context.waker().clone());
        Poll::Pending
    }

    /// Forgets one who waited for a request.
    pub(crate) fn forget_waiter(&mut self, webhook: Operation, waiter: u64) {
        if let Some(inbox) = self.inboxes.get_mut(&webhook) {
            inbox.waiting.remove(&waiter);
        }
    }

    /// Lets the waiting know that no request will come.
    pub(crate) fn close_inbox(&mut self, webhook: Operation) -> Vec<Waker> {
        match self.inboxes.get_mut(&webhook) {
            None => Vec::new(),
            Some(inbox) => {
                inbox.closed = true;
                inbox.wakers()
            }
        }
    }

    /// Forgets a webhook.
    pub(crate) fn drop_inbox(&mut self, webhook: Operation) -> Option<Inbox> {
        self.inboxes.remove(&webhook)
    }

    /// How many operations are open, webhooks included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.inboxes.len()
    }

    /// How many wait for a request of a webhook.
    #[cfg(test)]
    pub(crate) fn waiters_of(&self, webhook: Operation) -> usize {
        self.inboxes[&webhook].waiting.len()
    }
}

impl Inbox {
    /// All who wait: which of them takes the request is the workflow's affair.
    fn wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

/// Waits for the answer of an operation of the run that is here. Dropping it gives the answer up.
pub(crate) fn answer(operation: Operation) -> AnswerOf {
    AnswerOf(operation)
}

/// The answer of one operation. It names the run by its thread and holds no reference to it, so
/// that futures of workflows stay `Send` in the native build.
pub(crate) struct AnswerOf(Operation);

impl Future for AnswerOf {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        Runtime::here(|runtime| runtime.operations.borrow_mut().poll_answer(self.0, context))
    }
}

impl Drop for AnswerOf {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.close(self.0));
    }
}
