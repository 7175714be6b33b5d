//! The built-in step `http`: one request, bounded in time, size and redirects.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, StatusCode};
use segno::http::{Request, Response};
use segno::native::{Step, StepPolicy};
use segno::{StepContext, StepError};

/// How many redirects are followed before the answer counts as an error.
const MAX_REDIRECTS: usize = 10;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one attempt may take where the workflow does not say.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How large an answer may be, in bytes: within the limit for a step's output, with room for the
/// encoding of a body that is not text.
const MAX_BODY: usize = 2 << 20;

/// How long a `Retry-After` is obeyed at most: a server must not be able to park a run for years.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The step that every host has.
#[must_use]
pub fn http_step() -> Step {
    segno::http::step(StepPolicy::default(), send)
}

async fn send(request: Request) -> Result<Response, StepError> {
    let client = client(request.follow_redirects).map_err(StepError::fatal)?;
    let method = request.method.parse::<reqwest::Method>();
    let method = method
        .map_err(|error| StepError::fatal(format!("`{}` is not an HTTP method: {error}", request.method)))?;
    let url = request.url.parse::<reqwest::Url>();
    let url = url.map_err(|error| StepError::fatal(format!("`{}` is not a URL: {error}", request.url)))?;
    let timeout = request.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
    let mut outgoing = client.request(method, url).timeout(timeout);
    for (name, value) in &request.headers {
        outgoing = outgoing.header(name, value);
    }
    if request.idempotency_header {
        outgoing = outgoing.header("idempotency-key", StepContext::current().step_id());
    }
    if let Some(body) = request.body {
        outgoing = outgoing.body(body.into_bytes());
    }
    // What cannot be built today cannot be built tomorrow.
    let outgoing = outgoing.build().map_err(StepError::fatal)?;
    receive(client.execute(outgoing).await?).await
}

async fn receive(answer: reqwest::Response) -> Result<Response, StepError> {
    let status = answer.status();
    let retryable = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if retryable || status.is_server_error() {
        let message = format!("{} answered with status {status}", answer.url());
        return Err(match retry_after(&answer) {
            Some(delay) => StepError::retry_after(delay, message),
            None => message.into(),
        });
    }
    let headers = answer.headers().iter();
    let headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let headers = headers.collect();
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.try_next().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(StepError::fatal(format!(
                "the answer has more than {MAX_BODY} bytes, which is what the step `http` takes; fetch it in a step \
                 of your own"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status: status.as_u16(), headers, body: body.into() })
}

/// How long the server asks to be left alone: a number of seconds, or a date.
fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_not_a_number) => {
            httpdate::parse_http_date(value).ok()?.duration_since(now()).unwrap_or_default()
        }
    };
    Some(delay.min(MAX_RETRY_AFTER))
}

/// The time of day, to compare the server's date with.
#[expect(clippy::disallowed_methods, reason = "a server's date is the machine's time, not that of a run")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// One client for all steps, so that connections are used again; two, since redirects are a
/// property of the client.
fn client(follow_redirects: bool) -> Result<&'static Client, String> {
    static CLIENTS: OnceLock<Result<[Client; 2], String>> = OnceLock::new();
    let clients = CLIENTS.get_or_init(|| {
        let build = |redirects| {
            // The TLS provider of the process: whoever came first has set the same one.
            let _already_set = rustls::crypto::ring::default_provider().install_default();
            Client::builder()
                .redirect(redirects)
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("segno/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| format!("the HTTP client cannot be made: {error}"))
        };
        Ok([build(Redirects::none())?, build(Redirects::limited(MAX_REDIRECTS))?])
    });
    clients.as_ref().map(|clients| &clients[usize::from(follow_redirects)]).map_err(Clone::clone)
}
