//! Building a request, and sending it as a step.

use serde::Serialize;

use segno_guest_runtime::types::StepOptions;

use crate::body::Body;
use crate::call::call_named;
use crate::duration::{IntoDuration, InvalidDuration};
use crate::http::message::{PARAMETER, Request, Response, STEP};
use crate::step::{Input, StepFailure};

/// A `GET` request.
pub fn get(url: impl Into<String>) -> RequestBuilder {
    request("GET", url)
}

/// A `POST` request.
pub fn post(url: impl Into<String>) -> RequestBuilder {
    request("POST", url)
}

/// A `PUT` request.
pub fn put(url: impl Into<String>) -> RequestBuilder {
    request("PUT", url)
}

/// A `PATCH` request.
pub fn patch(url: impl Into<String>) -> RequestBuilder {
    request("PATCH", url)
}

/// A `DELETE` request.
pub fn delete(url: impl Into<String>) -> RequestBuilder {
    request("DELETE", url)
}

/// A request with any method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> RequestBuilder {
    RequestBuilder {
        request: Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
            follow_redirects: true,
            idempotency_header: false,
        },
        options: StepOptions::default(),
        trouble: None,
    }
}

/// A request that is not sent yet.
#[derive(Debug)]
#[must_use = "a request does nothing unless it is sent"]
pub struct RequestBuilder {
    request: Request,
    options: StepOptions,
    /// The first thing that was asked for and cannot be.
    trouble: Option<String>,
}

impl RequestBuilder {
    /// One more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// A JSON body, and the header that says so. A value that cannot be written as JSON fails the
    /// [`send`](Self::send).
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => self.in_trouble(format!("the body cannot be written as JSON: {error}")),
        }
    }

    /// A body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// How long one attempt may take. What is not a duration fails the [`send`](Self::send).
    pub fn timeout(mut self, timeout: impl IntoDuration) -> Self {
        match milliseconds(timeout) {
            Ok(timeout) => self.request.timeout_ms = Some(timeout),
            Err(error) => return self.in_trouble(format!("timeout: {error}")),
        }
        self
    }

    /// How many times a failed attempt is tried again; `u32::MAX` is without end. 3 where neither
    /// this nor [`retry_for`](Self::retry_for) is said. The host may allow fewer.
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.options.max_retries = Some(max_retries);
        self
    }

    /// How long after its first failure the request is tried again: as often as that takes, or at
    /// most [`max_retries`](Self::max_retries) times where both are given. What is not a duration
    /// fails the [`send`](Self::send).
    pub fn retry_for(mut self, time: impl IntoDuration) -> Self {
        match milliseconds(time) {
            Ok(time) => self.options.retry_for_ms = Some(time),
            Err(error) => return self.in_trouble(format!("retry_for: {error}")),
        }
        self
    }

    /// Does not follow redirects: the redirect is the answer.
    pub fn no_redirects(mut self) -> Self {
        self.request.follow_redirects = false;
        self
    }

    /// Sends the step ID in the header `Idempotency-Key`: the same for every attempt.
    pub fn idempotent(mut self) -> Self {
        self.request.idempotency_header = true;
        self
    }

    /// Sends the request, as one step. On replay nothing is sent.
    ///
    /// # Errors
    ///
    /// When all attempts failed, and when the request cannot be sent at all. A response with a bad
    /// status other than 408, 429 and 5xx is no failure; see [`Response::error_for_status`].
    pub async fn send(self) -> Result<Response, StepFailure> {
        if let Some(trouble) = self.trouble {
            return Err(StepFailure::before_any_attempt(STEP, trouble));
        }
        let input = Input::new().with(PARAMETER, &self.request);
        call_named(STEP, input, self.options).await
    }

    fn in_trouble(mut self, trouble: String) -> Self {
        self.trouble.get_or_insert(trouble);
        self
    }
}

/// A duration in milliseconds, not cut short.
fn milliseconds(duration: impl IntoDuration) -> Result<u64, InvalidDuration> {
    let milliseconds = duration.into_duration()?.as_nanos().div_ceil(1_000_000);
    Ok(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}
