//! The built-in step `http`: one request, bounded in time, size and redirects, to where the operator
//! lets it go.

mod address;
mod clients;
mod egress;
mod outgoing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use segno::StepError;
use segno::http::{Request, Response};
use segno::native::{Step, StepPolicy};

pub use self::egress::{Allowed, BadTarget, Egress};

use self::clients::{Clients, refusal};
use self::outgoing::{Outgoing, shown};

/// How many redirects are followed before the answer counts as an error.
const MAX_REDIRECTS: usize = 10;

/// How long one attempt may take where the workflow does not say.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How large an answer may be, in bytes: within the limit for a step's output, with room for the
/// encoding of a body that is not text.
const MAX_BODY: usize = 2 << 20;

/// How long a `Retry-After` is obeyed at most: a server must not be able to park a run for years.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The step that every host has unless it was told to do without, as far as it may go.
#[must_use]
pub fn http_step(egress: Egress) -> Step {
    let home = Arc::new(Home { egress, clients: OnceLock::new() });
    segno::http::step(StepPolicy::default(), move |request| {
        let home = Arc::clone(&home);
        async move { home.fetch(request).await }
    })
}

/// Calls URLs as the step does and within its bounds, and wants to hear no more than whether that was taken.
#[derive(Clone)]
pub struct Caller(Arc<Home>);

impl Caller {
    /// It reaches what the step reaches that goes so far.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self(Arc::new(Home { egress, clients: OnceLock::new() }))
    }

    /// Sends a request, and gives the status of the answer; its body is not read, and a redirect not followed.
    ///
    /// # Errors
    ///
    /// There was no answer in this time.
    pub async fn call(&self, request: Request, timeout: Duration) -> Result<u16, StepError> {
        let outgoing = Outgoing::new(request)?;
        let target = shown(&outgoing.url);
        match tokio::time::timeout(timeout, self.0.send(&outgoing)).await {
            Ok(answer) => Ok(answer?.status().as_u16()),
            Err(_elapsed) => Err(format!("{target} gave no answer within {timeout:?}").into()),
        }
    }
}

/// Where a URL leads, without its path; nothing where it is none that can be called.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_http.then(|| url.origin().ascii_serialization())
}

/// What all attempts share.
struct Home {
    egress: Egress,
    /// Made for the first request: a host that sends none does not read certificates.
    clients: OnceLock<Result<Clients, String>>,
}

impl Home {
    /// One attempt: the request, the redirects it leads to, and the answer.
    async fn fetch(&self, request: Request) -> Result<Response, StepError> {
        let timeout = request.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
        let follows = request.follow_redirects;
        let outgoing = Outgoing::new(request)?;
        let target = shown(&outgoing.url);
        match tokio::time::timeout(timeout, self.exchange(outgoing, follows)).await {
            Ok(response) => response,
            Err(_elapsed) => {
                Err(format!("{target} gave no whole answer within {timeout:?}").into())
            }
        }
    }

    async fn exchange(&self, mut outgoing: Outgoing, follows: bool) -> Result<Response, StepError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&outgoing).await?;
            match outgoing.redirected(&answer).filter(|_| follows) {
                Some(next) => outgoing = next?,
                None => return receive(answer).await,
            }
        }
        Err(format!("{} redirects more than {MAX_REDIRECTS} times", shown(&outgoing.url)).into())
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<reqwest::Response, StepError> {
        let Outgoing { method, url, headers, body } = outgoing.clone();
        let client = self.clients()?.reaching(&url).map_err(StepError::fatal)?;
        let request = client.request(method, url).headers(headers);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let request = request.build().map_err(StepError::fatal)?;
        client.execute(request).await.map_err(|error| match refusal(&error) {
            Some(refused) => StepError::fatal(refused.clone()),
            // The whole URL may have a secret in it.
            None => error.without_url().into(),
        })
    }

    fn clients(&self) -> Result<&Clients, StepError> {
        let made = self.clients.get_or_init(|| {
            Clients::new(&self.egress)
                .map_err(|error| format!("the HTTP client cannot be made: {error}"))
        });
        made.as_ref().map_err(|error| StepError::fatal(error.clone()))
    }
}

async fn receive(answer: reqwest::Response) -> Result<Response, StepError> {
    let status = answer.status();
    let retryable = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if retryable || status.is_server_error() {
        let message = format!("{} answered with status {status}", shown(answer.url()));
        return Err(match retry_after(&answer) {
            Some(delay) => StepError::retry_after(delay, message),
            None => message.into(),
        });
    }
    let headers = answer.headers().iter();
    let headers = headers
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
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
#[expect(
    clippy::disallowed_methods,
    reason = "a server's date is the machine's time, not that of a run"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
