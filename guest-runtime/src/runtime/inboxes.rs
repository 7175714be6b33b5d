//! Webhooks, hooks and signals of a run: what comes from outside, and who takes it.

use std::task::{Context, Poll};

use crate::operations::{Inbox, Slot};
use crate::runtime::{GivenUp, Runtime};
use crate::types::{Answer, CreatedHook, CreatedWebhook, Event};

impl Runtime {
    /// Leaves a webhook or a hook open that nobody can read any more. Callers do not notice, unless the
    /// workflow is over.
    pub(crate) fn leave_inbox(&self, inbox: &Inbox) {
        if self.cleanup.unwinds() {
            return self.give_up_inbox(inbox);
        }
        // What it held is dropped after the borrows: a waker may run code of the author's.
        let slot = self.operations.borrow_mut().close(inbox.operation);
        self.give_up_unread(inbox, slot.as_ref());
        if inbox.name.is_none()
            && matches!(&slot, Some(Slot::Inbox(contents)) if !contents.is_closed())
        {
            self.left.borrow_mut().push(inbox.operation);
        }
        drop(slot);
    }

    /// Gives up all that was left open: the workflow is over.
    pub(super) fn give_up_left(&self) {
        let left = self.left.take().into_iter().map(GivenUp::Inbox);
        self.given_up.borrow_mut().extend(left);
    }

    /// Gives an inbox up: the host closes it.
    pub(crate) fn give_up_inbox(&self, inbox: &Inbox) {
        // What it held is dropped after the borrows: a waker may run code of the author's.
        let slot = self.operations.borrow_mut().close(inbox.operation);
        self.give_up_unread(inbox, slot.as_ref());
        if slot.is_some() {
            self.given_up.borrow_mut().push(GivenUp::Inbox(inbox.operation));
        }
        drop(slot);
    }

    fn give_up_unread(&self, inbox: &Inbox, slot: Option<&Slot>) {
        if let Some(Slot::Inbox(contents)) = slot {
            let unread = (0..contents.untaken()).map(|_| GivenUp::Unread(inbox.operation));
            self.given_up.borrow_mut().extend(unread);
        }
    }

    /// Opens a webhook, and an inbox for its requests.
    pub(crate) fn create_webhook(&self, answer: Answer) -> CreatedWebhook {
        let created = self.host.create_webhook(answer);
        self.operations.borrow_mut().open_inbox(&Inbox::of(created.operation));
        created
    }

    /// Opens a hook, and an inbox for what it receives.
    pub(crate) fn create_hook(&self, token: Option<&str>, metadata: Option<&str>) -> CreatedHook {
        let created = self.host.create_hook(token, metadata);
        self.operations.borrow_mut().open_inbox(&Inbox::of(created.operation));
        created
    }

    /// Takes in the signals of a name.
    pub(crate) fn open_signal(&self, name: &str) -> Inbox {
        let inbox = Inbox { operation: self.host.open_signal(name), name: Some(name.into()) };
        self.operations.borrow_mut().open_inbox(&inbox);
        inbox
    }

    /// Takes the oldest of what lies in an inbox; `None` when it is closed and empty.
    pub(crate) fn poll_inbox(
        &self,
        inbox: &Inbox,
        waiter: &mut Option<u64>,
        context: &Context<'_>,
    ) -> Poll<Option<Event>> {
        if self.is_frozen() {
            return Poll::Pending;
        }
        let mut waker = Some(context.waker().clone());
        let polled = self.operations.borrow_mut().poll_inbox(inbox, waiter, &mut waker);
        if let Poll::Ready(Some(event)) = &polled
            && event.is_taken()
        {
            self.host.take(inbox.operation);
        }
        polled
    }

    /// Forgets one who waited for something in an inbox.
    pub(crate) fn forget_waiter(&self, inbox: &Inbox, waiter: u64) {
        // What it held is dropped after the borrow: a waker may run code of the author's.
        let waker = self.operations.borrow_mut().forget_waiter(inbox, waiter);
        drop(waker);
    }

    /// Closes a webhook or a hook. What came before can still be read.
    pub(crate) fn close_inbox(&self, inbox: &Inbox) {
        self.host.close(inbox.operation);
        let wakers = self.operations.borrow_mut().close_inbox(inbox);
        for waker in wakers {
            waker.wake();
        }
    }

    /// How many wait for something in an inbox.
    #[cfg(test)]
    pub(crate) fn waiters_of(&self, inbox: &Inbox) -> usize {
        self.operations.borrow_mut().waiters_of(inbox)
    }
}
