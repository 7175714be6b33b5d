//! A request on its way: what a guest may send, and what of it follows a redirect.

use bytes::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, LOCATION,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use segno::http::Request;
use segno::{StepContext, StepError};

/// Headers that say where a message ends or whose connection it is. Connections are shared by all runs
/// of a host, so these are the host's: with a wrong length, the request of one run would begin within
/// that of another.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What the headers that are meant for a proxy begin with.
const OF_A_PROXY: &str = "proxy-";

/// A request that can be sent, and sent again elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

impl Outgoing {
    /// What a guest asks for, if it may ask for that. What cannot be built today cannot be built
    /// tomorrow: every error is fatal.
    pub(super) fn new(request: Request) -> Result<Self, StepError> {
        let method = method(&request.method).map_err(StepError::fatal)?;
        let url: Url = request.url.parse().map_err(|error| {
            StepError::fatal(format!("`{}` is not a URL: {error}", request.url))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(StepError::fatal(format!("`{}` is not an http or https URL", request.url)));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let (name, value) = header(name, value).map_err(StepError::fatal)?;
            headers.try_append(name, value).map_err(StepError::fatal)?;
        }
        if request.idempotency_header {
            let id = StepContext::current().step_id().parse().map_err(StepError::fatal)?;
            headers.try_append("idempotency-key", id).map_err(StepError::fatal)?;
        }
        Ok(Self { method, url, headers, body: request.body.map(|body| body.into_bytes().into()) })
    }

    /// The request that a redirect asks for, where the answer is one.
    pub(super) fn redirected(&self, answer: &Response) -> Option<Result<Self, StepError>> {
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let next = self.url.join(location).ok()?;
        let status = answer.status();
        let follows = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        follows.then(|| self.clone().moved(status, next))
    }

    /// The same request at another place, without what is not meant for whoever is there.
    fn moved(mut self, status: StatusCode, next: Url) -> Result<Self, StepError> {
        let becomes_get = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE] {
                self.headers.remove(name);
            }
        }
        if next.origin() != self.url.origin() {
            if self.body.is_some() {
                return Err(StepError::fatal(format!(
                    "{} wants the body to be sent to {}, which is another origin; send it there by its own URL if \
                     that is meant",
                    shown(&self.url),
                    shown(&next)
                )));
            }
            // Any of them may be a secret between the workflow and the first server.
            self.headers.clear();
        }
        self.url = next;
        Ok(self)
    }
}

fn method(text: &str) -> Result<Method, String> {
    match text.parse() {
        Ok(Method::CONNECT | Method::TRACE) => Err(format!("the step `http` does not send {text}")),
        Ok(method) => Ok(method),
        Err(error) => Err(format!("`{text}` is not an HTTP method: {error}")),
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed: HeaderName =
        name.parse().map_err(|error| format!("`{name}` is not a header: {error}"))?;
    if OF_THE_CONNECTION.contains(&parsed.as_str()) || parsed.as_str().starts_with(OF_A_PROXY) {
        return Err(format!(
            "the header `{parsed}` is set by the host and not by a workflow; leave it out"
        ));
    }
    let value =
        value.parse().map_err(|error| format!("the value of the header `{parsed}`: {error}"))?;
    Ok((parsed, value))
}

/// A URL for a message: without what may be a secret.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}
