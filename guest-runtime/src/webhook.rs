//! Webhooks: URLs that the world can call, and the requests that come in.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Runtime;
use crate::types::{Answer, CreatedWebhook, Request, Response};

/// Opens a webhook, before any step of the same turn starts. On replay it has the URL that it had.
///
/// # Panics
///
/// Where no run is here.
#[must_use]
pub fn create(answer: Answer) -> Webhook {
    let created = Runtime::here(|runtime| runtime.create_webhook(answer));
    Webhook { created, waiter: None }
}

/// Answers the caller of a request to a `Manual` webhook, by the number of the request. The first
/// answer counts, and one that comes too late is dropped. On replay nobody is answered.
///
/// # Panics
///
/// Where no run is here.
pub fn respond(request: u64, response: Response) {
    Runtime::here(|runtime| runtime.host().respond(request, response));
}

/// An open webhook. Requests that come while nobody waits are kept in order.
///
/// Dropping it does not dispose of it: callers are still answered, but what they say is read by
/// nobody.
#[derive(Debug)]
pub struct Webhook {
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
        Next { webhook: self, waiter: None }
    }

    /// The same without a future of its own: for streams.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Request>> {
        let Self { created, waiter } = self;
        Runtime::here(|runtime| runtime.poll_request(created.operation, waiter, context))
    }

    /// Closes the webhook: from now on callers get 410. What came in before can still be taken.
    pub fn dispose(&self) {
        Runtime::here(|runtime| runtime.dispose_webhook(self.created.operation));
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.give_up_webhook(self.created.operation));
    }
}

/// The future of [`Webhook::next`].
#[derive(Debug)]
#[must_use = "no request is taken unless this is awaited"]
pub struct Next<'a> {
    webhook: &'a Webhook,
    waiter: Option<u64>,
}

impl Future for Next<'_> {
    type Output = Option<Request>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let operation = self.webhook.created.operation;
        Runtime::here(|runtime| runtime.poll_request(operation, &mut self.waiter, context))
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            let operation = self.webhook.created.operation;
            Runtime::if_here(|runtime| runtime.forget_waiter(operation, waiter));
        }
    }
}
