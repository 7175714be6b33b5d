//! What webhooks, hooks and signals have in common: things come from outside, and lie until they are
//! taken.

use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) use crate::operations::Inbox;
use crate::runtime::Runtime;
use crate::types::{Event, Response};

/// Answers the caller of a request to a `Manual` webhook, or who waits for the answer to a signal, by the
/// number of either. The first answer counts, and one that comes too late is dropped. The answer to a
/// signal is JSON, or a status from 400 on with a sentence. On replay nobody is answered.
///
/// # Panics
///
/// Where no run is here.
pub fn respond(number: u64, response: Response) {
    Runtime::here(|runtime| runtime.host().respond(number, response));
}

impl Inbox {
    pub(crate) const fn next(&self) -> NextEvent<'_> {
        NextEvent { inbox: self, waiter: None }
    }

    pub(crate) fn poll_next(
        &self,
        waiter: &mut Option<u64>,
        context: &Context<'_>,
    ) -> Poll<Option<Event>> {
        Runtime::here(|runtime| runtime.poll_inbox(self, waiter, context))
    }

    pub(crate) fn close(&self) {
        Runtime::here(|runtime| runtime.close_inbox(self));
    }
}

/// The next thing that lies in an inbox. Dropping it loses nothing.
#[derive(Debug)]
pub(crate) struct NextEvent<'a> {
    inbox: &'a Inbox,
    waiter: Option<u64>,
}

impl Future for NextEvent<'_> {
    type Output = Option<Event>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inbox = self.inbox;
        inbox.poll_next(&mut self.waiter, context)
    }
}

impl Drop for NextEvent<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            Runtime::if_here(|runtime| runtime.forget_waiter(self.inbox, waiter));
        }
    }
}
