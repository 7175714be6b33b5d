//! Webhooks: URLs that the world can call, and the requests that come in.

mod request;
pub(crate) mod response;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;
use segno_guest_runtime::types::Answer;
use segno_guest_runtime::webhook;

pub use crate::webhook::request::Request;
pub use crate::webhook::response::Response;

/// A URL that the world can call, as often as it likes, until it is disposed of or the run ends.
///
/// ```no_run
/// use segno::{Response, Webhook};
/// # async fn register(_url: String) -> Result<(), segno::StepFailure> { Ok(()) }
/// # async fn process(_request: segno::Request) -> Result<(), segno::StepFailure> { Ok(()) }
///
/// #[segno::workflow]
/// pub async fn webhook_sync() -> Result<(), segno::Error> {
///     let webhook = Webhook::builder()
///         .respond_with(Response::text("received"))
///         .create();
///     register(webhook.url().to_owned()).await?;
///     while let Some(request) = webhook.next().await {
///         process(request).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// A request is on disk before its caller hears anything. Requests that come while nobody waits
/// are kept in order, and each [`next`](Self::next) takes one. The webhook is open before any step
/// of the same turn starts, so a step that hands out the URL cannot miss the first call.
///
/// Dropping a `Webhook` does not dispose of it: callers are still answered, but what they say is
/// read by nobody.
#[derive(Debug)]
pub struct Webhook(webhook::Webhook);

/// How the callers of a new webhook are to be answered.
#[derive(Debug)]
#[must_use = "no webhook is open before `create`"]
pub struct WebhookBuilder {
    answer: Answer,
}

impl WebhookBuilder {
    /// Every caller gets this response, as soon as its request is on disk.
    pub fn respond_with(self, response: Response) -> Self {
        Self { answer: Answer::Fixed(response.into_host()) }
    }

    /// Every caller waits for [`Request::respond`], in the workflow or in a step. Where nobody
    /// answers within the host's time-out, the caller gets 202; where the run ends before, 410.
    pub fn manual(self) -> Self {
        Self { answer: Answer::Manual }
    }

    /// Opens the webhook. On replay it has the URL that it had.
    ///
    /// # Panics
    ///
    /// Natively, outside a host: there is nobody who could be called.
    #[must_use]
    pub fn create(self) -> Webhook {
        Webhook(webhook::create(self.answer))
    }
}

impl Webhook {
    /// Opens a webhook whose callers get 202 and an empty body.
    ///
    /// # Panics
    ///
    /// Natively, outside a host: there is nobody who could be called.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "opening a URL to the world is not a default value"
    )]
    pub fn new() -> Self {
        Self::builder().create()
    }

    /// A webhook whose callers get another answer than 202.
    pub fn builder() -> WebhookBuilder {
        WebhookBuilder { answer: Answer::Accepted }
    }

    /// Where to call it. Whoever knows the URL can: treat it as a secret.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// The secret last segment of the URL.
    #[must_use]
    pub fn token(&self) -> &str {
        self.0.token()
    }

    /// Takes the oldest request that was not yet taken, or waits for one. `None` once the webhook
    /// is disposed of and every request is taken.
    ///
    /// Dropping this future, for example because a sleep was faster, loses nothing.
    pub fn next(&self) -> Next<'_> {
        Next(self.0.next())
    }

    /// Closes the webhook: from now on callers get 410. Doing so twice changes nothing. What came
    /// in before can still be taken.
    pub fn dispose(&self) {
        self.0.dispose();
    }
}

/// The requests of the webhook, in the order of arrival; ends once it is disposed of.
impl Stream for Webhook {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        self.0.poll_next(context).map(|request| request.map(Request::from_host))
    }
}

/// The future of [`Webhook::next`].
#[derive(Debug)]
#[must_use = "no request is taken unless this is awaited"]
pub struct Next<'a>(webhook::Next<'a>);

impl Future for Next<'_> {
    type Output = Option<Request>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        Pin::new(&mut self.0).poll(context).map(|request| request.map(Request::from_host))
    }
}
