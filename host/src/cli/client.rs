//! Asking a running host through its management API.

use segno_api::Problem;
use std::error::Error;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::cli::args::HostArgs;
use crate::cli::exit::UsageError;
use crate::cli::local::is_loopback;
use crate::cli::text;
use crate::doors::Token;

/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a host may take to answer where it is not asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a deploy may take: sending the component and compiling it.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a backup may take: a store of terabytes over a slow network.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long events may come until they are asked for again.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How much of an answer that is not understood is shown, in characters.
const SHOWN: usize = 200;

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// No host answers.
    #[error(
        "no host answers at {url}: {detail}; start one with `serve` or `dev`, or name another with --url"
    )]
    Unreachable { url: Url, detail: String },
    /// The host wants a token, or another one.
    #[error(
        "the host wants a token of its own, and got none or another one; name its data directory with --data, or a \
         file with a token with --token-file"
    )]
    Unauthorized(Problem),
    /// The host refused.
    #[error("{}", text::printable_lines(&.0.detail))]
    Refused(Problem),
    /// What answers is no Segno host, or one of another version.
    #[error("what answers at {url} is not understood ({status}): {detail}")]
    Strange { url: Url, status: u16, detail: String },
}

impl ClientError {
    /// Whether it may be otherwise when the host is asked again: it is not there, or takes no work.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => matches!(problem.status, 502..=504),
            Self::Strange { status, .. } => matches!(status, 502..=504),
            Self::Unauthorized(_) => false,
        }
    }
}

/// The header by which something can be asked for again and done once.
pub(super) fn idempotency(key: Option<String>) -> Result<HeaderMap, UsageError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = HeaderValue::from_bytes(key.as_bytes()).map_err(|_| {
            UsageError("--key must be a text without control characters".to_owned())
        })?;
        headers.insert("idempotency-key", value);
    }
    Ok(headers)
}

/// An answer, as it came.
#[derive(Debug)]
pub(super) struct Answer {
    url: Url,
    status: u16,
    /// The body.
    pub(super) json: String,
}

impl Answer {
    /// The answer as a value.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.json).map_err(|error| self.strange(&error.to_string()))
    }

    /// True if something was made that was not there before.
    pub(super) const fn is_created(&self) -> bool {
        self.status == 201
    }

    /// True if it is stored, and not done yet.
    pub(super) const fn is_accepted(&self) -> bool {
        self.status == 202
    }

    fn strange(&self, detail: &str) -> ClientError {
        ClientError::Strange {
            url: self.url.clone(),
            status: self.status,
            detail: detail.to_owned(),
        }
    }
}

/// A client of one host.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<Token>,
}

impl Client {
    pub(super) fn new(host: HostArgs) -> anyhow::Result<Self> {
        let token = host.find_token()?;
        let base = host.url();
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        // A proxy cannot reach what is on this machine only.
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build()?, base, token })
    }

    /// Asks for what lies at a path.
    pub(super) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, ClientError> {
        self.send(self.request(Method::GET, path, query)).await
    }

    /// As [`get`](Self::get), where the host may take so long to answer.
    pub(super) async fn get_waiting(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        wait: Duration,
    ) -> Result<Answer, ClientError> {
        self.send(
            self.request(Method::GET, path, query).timeout(ANSWER_TIMEOUT.saturating_add(wait)),
        )
        .await
    }

    /// Hands a JSON body to a path.
    pub(super) async fn post(
        &self,
        path: &[&str],
        json: String,
        headers: HeaderMap,
    ) -> Result<Answer, ClientError> {
        let request = self.request(Method::POST, path, &[]).headers(headers);
        self.send(request.header(CONTENT_TYPE, "application/json").body(json)).await
    }

    /// As [`post`](Self::post), with a query.
    pub(super) async fn post_about(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        json: String,
    ) -> Result<Answer, ClientError> {
        let request = self.request(Method::POST, path, query);
        self.send(request.header(CONTENT_TYPE, "application/json").body(json)).await
    }

    /// As [`post`](Self::post), where the host is to wait so long for what it answers.
    pub(super) async fn post_waiting(
        &self,
        path: &[&str],
        json: String,
        headers: HeaderMap,
        wait: Duration,
    ) -> Result<Answer, ClientError> {
        let milliseconds = format!("{}ms", wait.as_millis());
        let request = self.request(Method::POST, path, &[("wait", &milliseconds)]).headers(headers);
        let request = request.timeout(ANSWER_TIMEOUT.saturating_add(wait));
        self.send(request.header(CONTENT_TYPE, "application/json").body(json)).await
    }

    /// Has what lies at a path deleted.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<Answer, ClientError> {
        self.send(self.request(Method::DELETE, path, &[])).await
    }

    /// Deploys a component; perhaps also one that wants steps which the host lacks.
    pub(super) async fn deploy(
        &self,
        wasm: Vec<u8>,
        allow_missing_steps: bool,
    ) -> Result<Answer, ClientError> {
        let allow = [("allow-missing-steps", "true")];
        let query = if allow_missing_steps { allow.as_slice() } else { &[] };
        let request = self.request(Method::PUT, &["v1", "modules"], query).timeout(DEPLOY_TIMEOUT);
        self.send(request.header(CONTENT_TYPE, "application/wasm").body(wasm)).await
    }

    /// Asks for a backup, which comes as a stream.
    pub(super) async fn backup(&self) -> Result<reqwest::Response, ClientError> {
        let request = self.request(Method::POST, &["v1", "backup"], &[]).timeout(BACKUP_TIMEOUT);
        let request = request.header(CONTENT_TYPE, "application/json").body("{}");
        self.accepted(request).await
    }

    /// Asks for events, which come as they happen.
    pub(super) async fn events(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<reqwest::Response, ClientError> {
        let request = self.request(Method::GET, path, query).timeout(EVENTS_TIMEOUT);
        let request = request.header(ACCEPT, "text/event-stream");
        self.accepted(request).await
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url).timeout(ANSWER_TIMEOUT);
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        self.read(self.accepted(request).await?).await
    }

    /// The answer of a host that does what it was asked; its body is still to come.
    async fn accepted(&self, request: RequestBuilder) -> Result<reqwest::Response, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(response).await)
        }
    }

    async fn read(&self, response: reqwest::Response) -> Result<Answer, ClientError> {
        let url = response.url().clone();
        let status = response.status().as_u16();
        let json = response.text().await.map_err(|error| self.unreachable(&error))?;
        Ok(Answer { url, status, json })
    }

    /// Why the host did not do it.
    async fn refusal(&self, response: reqwest::Response) -> ClientError {
        let status = response.status();
        let answer = match self.read(response).await {
            Ok(answer) => answer,
            Err(error) => return error,
        };
        match answer.read::<Problem>() {
            Ok(problem) if status == StatusCode::UNAUTHORIZED => ClientError::Unauthorized(problem),
            Ok(problem) => ClientError::Refused(problem),
            Err(_) => answer.strange(&text::printable(&answer.json, SHOWN)),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        // The outer errors repeat the URL; the innermost one says what happened.
        let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
        let detail = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        ClientError::Unreachable { url: self.base.clone(), detail }
    }
}
