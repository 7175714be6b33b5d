//! Webhooks: URLs that the world can call, and the requests that come in.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::inbox::{Inbox, NextEvent};
use crate::runtime::Runtime;
use crate::types::{Answer, CreatedWebhook, Event, Request};

/// Opens a webhook, before any step of the same turn starts. On replay it has the URL that it had.
///
/// # Panics
///
/// Where no run is here.
#[must_use]
pub fn create(answer: Answer) -> Webhook {
    let created = Runtime::here(|runtime| runtime.create_webhook(answer));
    Webhook { inbox: Inbox::of(created.operation), created, waiter: None }
}

/// An open webhook. Requests that come while nobody waits are kept in order.
///
/// Dropping it does not dispose of it: callers are still answered, but what they say is read by
/// nobody.
#[derive(Debug)]
pub struct Webhook {
    inbox: Inbox,
    created: CreatedWebhook,
    /// The place of [`poll_next`](Self::poll_next) among those who wait.
    waiter: Option<u64>,
}

impl Webhook {
    /// Where to call it: a secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.created.url
    }

    /// The last segment of the URL: a secret.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.created.token
    }

    /// Takes the oldest request that was not yet taken, or waits for one. `None` once the webhook
    /// is disposed of and every request is taken. Dropping the future loses nothing.
    pub fn next(&self) -> Next<'_> {
        Next(self.inbox.next())
    }

    /// The same without a future of its own: for streams.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Request>> {
        self.inbox.poll_next(&mut self.waiter, context).map(request)
    }

    /// Closes the webhook: from now on callers get 410. What came in before can still be taken.
    pub fn dispose(&self) {
        self.inbox.close();
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.leave_inbox(&self.inbox));
    }
}

/// The future of [`Webhook::next`].
#[derive(Debug)]
#[must_use = "no request is taken unless this is awaited"]
pub struct Next<'a>(NextEvent<'a>);

impl Future for Next<'_> {
    type Output = Option<Request>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(request)
    }
}

fn request(event: Option<Event>) -> Option<Request> {
    match event? {
        Event::Requested(request) => Some(request),
        _ => unreachable!("a webhook is only called"),
    }
}
