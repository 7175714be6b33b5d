//! How the steps speak HTTP: one client, and one opinion on which answers are worth another attempt.

use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, SystemTime};

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use segno::{StepError, Timestamp};

use crate::settings::{self, API_URL};

/// How long an answer may take. Slower ones are tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the other systems are when neither `API_URL` nor the program says.
const DEFAULT_BASE: &str = "http://127.0.0.1:8080";

static BASE: OnceLock<String> = OnceLock::new();

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    // The process may have chosen its TLS provider already; then this changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(PATIENCE)
        .build()
        .expect("the settings of the HTTP client are constant")
});

/// The client that all steps share, with its pool of connections.
#[must_use]
pub fn client() -> &'static Client {
    &CLIENT
}

/// Makes this the address of the other systems for all steps in this process, unless it has one.
pub fn set_base(url: impl Into<String>) {
    let _ = BASE.set(url.into());
}

/// A `GET` of a path of the other systems.
pub fn get(path: &str) -> RequestBuilder {
    client().get(url(path))
}

/// A `POST` to a path of the other systems.
pub fn post(path: &str) -> RequestBuilder {
    client().post(url(path))
}

/// A `PUT` to a path of the other systems.
pub fn put(path: &str) -> RequestBuilder {
    client().put(url(path))
}

/// A path of the other systems, at the address given to [`set_base`], or in `API_URL`.
fn url(path: &str) -> String {
    let base =
        BASE.get_or_init(|| settings::var(API_URL).unwrap_or_else(|| DEFAULT_BASE.to_owned()));
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Sends a request and returns its answer if it is a success.
///
/// # Errors
/// 429 and 503 ask for another attempt at the time that `Retry-After` gives; what a repetition may
/// mend (5xx, 408, a connection that broke) for another attempt after the usual pause; every other
/// 4xx says that the request itself is wrong, which is fatal.
pub async fn send(request: RequestBuilder) -> Result<Response, StepError> {
    let response = request.send().await?;
    if response.status().is_success() { Ok(response) } else { Err(failure(response).await) }
}

/// As [`send`], where one status is no failure but an answer: the other side says no, and this gives
/// what it says.
///
/// # Errors
/// As [`send`].
pub async fn send_or(
    request: RequestBuilder,
    no: StatusCode,
) -> Result<Result<Response, String>, StepError> {
    let response = request.send().await?;
    if response.status().is_success() {
        return Ok(Ok(response));
    }
    if response.status() != no {
        return Err(failure(response).await);
    }
    Ok(Err(said(&response.text().await?).unwrap_or_default()))
}

/// What a step says of an answer that is no success.
async fn failure(response: Response) -> StepError {
    let status = response.status();
    let wait = retry_after(&response);
    let url = response.url().clone();
    let reason = said(&response.text().await.unwrap_or_default());
    let reason = reason.map(|error| format!(": {error}")).unwrap_or_default();
    let message = format!("{url} answered {status}{reason}");
    match (status, wait) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(wait)) => {
            StepError::retry_after(wait, message)
        }
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, _) => {
            StepError::from(message)
        }
        _ if status.is_client_error() => StepError::fatal(message),
        _ => StepError::from(message),
    }
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::from(Timestamp::now())).unwrap_or_default())
}

/// What the other side says in its `error`, if it says anything.
fn said(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body["error"].as_str().map(str::to_owned)
}
