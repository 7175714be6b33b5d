//! Refusals: what a caller is told when a request is not carried out, as RFC 9457 problem details.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use segno_api::Problem;
use segno_journal::RunId;

/// How long a caller should wait before it tries again, where more load or trouble with the store
/// is why it was refused: long enough for a queue to drain, short enough to be no outage.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request is refused, as an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Problem);

impl Refusal {
    pub(super) fn new(kind: &Kind, detail: impl Into<String>) -> Self {
        Self(Problem {
            kind: Cow::Borrowed(kind.uri),
            title: Cow::Borrowed(kind.title),
            status: kind.status.as_u16(),
            detail: Into::<String>::into(detail).into(),
            instance: None,
            run_id: None,
            missing_steps: None,
        })
    }

    pub(super) fn about_run(self, run: RunId) -> Self {
        Self(Problem {
            instance: Some(format!("/v1/runs/{run}").into()),
            run_id: Some(run.to_string().into()),
            ..self.0
        })
    }

    /// With another status than its kind has.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self(Problem { status, ..self.0 })
    }

    /// The refusal of a batch because of this part of it.
    pub(super) fn of_part(self, part: &str) -> Self {
        let Problem { detail, .. } = &self.0;
        let detail = format!("nothing of the batch is stored, because of {part}: {detail}");
        Self(Problem { detail: detail.into(), ..self.0 })
    }

    pub(super) fn lacking(self, missing_steps: Vec<String>) -> Self {
        Self(Problem { missing_steps: Some(missing_steps.into()), ..self.0 })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            StatusCode::UNAUTHORIZED => {
                headers
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"segno\""));
            }
            _ => {}
        }
        let body = serde_json::to_vec(&problem).expect("a struct of strings and a number is JSON");
        (status, headers, body).into_response()
    }
}

/// The answer to a method that a path does not take.
pub(super) async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    let detail =
        format!("{} does not take {method}; the Allow header says what it takes", uri.path());
    Refusal::new(&Kind::UNKNOWN_METHOD, detail)
}

/// A kind of problem: what is the same for all its occurrences.
#[derive(Debug)]
pub(super) struct Kind {
    uri: &'static str,
    title: &'static str,
    status: StatusCode,
}

/// Declares the kinds, so that each is one line: constant, word, status, title.
macro_rules! kinds {
    ($($name:ident = $word:literal, $status:ident, $title:literal;)*) => {
        impl Kind {
            $(pub(super) const $name: Self = Self {
                uri: concat!("urn:segno:problem:", $word),
                title: $title,
                status: StatusCode::$status,
            };)*

            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    UNKNOWN_ROUTE = "unknown-route", NOT_FOUND, "no such route";
    UNKNOWN_METHOD = "unknown-method", METHOD_NOT_ALLOWED, "method not allowed";
    MALFORMED_JSON = "malformed-json", BAD_REQUEST, "the body is not the JSON that is expected";
    NOT_JSON = "not-json", UNSUPPORTED_MEDIA_TYPE, "the body must be JSON";
    BROKEN_BODY = "broken-body", BAD_REQUEST, "the body could not be read";
    SLOW_BODY = "slow-body", REQUEST_TIMEOUT, "the body came too slowly";
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "too large";
    BAD_QUERY = "bad-query", BAD_REQUEST, "a query parameter cannot be used";
    BAD_PATH = "bad-path", BAD_REQUEST, "the path cannot be used";
    BAD_ATTRIBUTE = "bad-attribute", BAD_REQUEST, "a run cannot have such an attribute";
    BAD_KEY = "bad-idempotency-key", BAD_REQUEST, "the idempotency key cannot be used";
    REFUSED_INPUT = "refused-input", UNPROCESSABLE_ENTITY, "the workflow cannot take the input";
    OTHER_INPUT = "other-input", UNPROCESSABLE_ENTITY, "the idempotency key has another input";
    ALREADY_RUNNING = "already-running", CONFLICT, "the run of the idempotency key has not ended";
    STILL_ENDING = "still-ending", CONFLICT, "the run of the idempotency key cleans up still";
    OTHER_BATCH = "other-batch", UNPROCESSABLE_ENTITY, "the idempotency key has another batch";
    BAD_BATCH = "bad-batch", BAD_REQUEST, "the batch cannot be used";
    BAD_HOST = "bad-host", BAD_REQUEST, "the Host header cannot be used";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "a token is needed";
    FOREIGN_FORM = "foreign-form", FORBIDDEN, "the form does not come from this page";
    CHANGED_SINCE = "changed-since", CONFLICT, "the run has gone on since";
    FORBIDDEN = "forbidden", FORBIDDEN, "the token does not have the right";
    UNKNOWN_WORKFLOW = "unknown-workflow", NOT_FOUND, "no such workflow";
    UNKNOWN_RUN = "unknown-run", NOT_FOUND, "no such run";
    UNKNOWN_WEBHOOK = "unknown-webhook", NOT_FOUND, "no such webhook";
    WEBHOOK_CLOSED = "webhook-closed", GONE, "the webhook is closed";
    INBOX_FULL = "inbox-full", TOO_MANY_REQUESTS, "more waits than the workflow has taken";
    UNKNOWN_HOOK = "unknown-hook", NOT_FOUND, "no such hook";
    SIGNAL_TOO_LATE = "signal-too-late", CONFLICT, "the run has ended";
    SIGNAL_UNANSWERED = "signal-unanswered", CONFLICT, "the run ended without an answer";
    SIGNAL_REFUSED = "signal-refused", CONFLICT, "the workflow refuses the signal";
    ANSWER_FORGOTTEN = "answer-forgotten", GONE, "the answer is no longer kept";
    OTHER_SIGNAL = "other-signal", UNPROCESSABLE_ENTITY, "the idempotency key has another signal";
    UNKNOWN_QUERY = "unknown-query", NOT_FOUND, "nobody answers to this query";
    FORGOTTEN_CHUNKS = "forgotten-chunks", GONE, "chunks of the stream are forgotten";
    CANNOT_CALL = "cannot-call", UNPROCESSABLE_ENTITY, "this host calls nobody";
    BAD_URL = "bad-url", BAD_REQUEST, "the URL cannot be called";
    UNKNOWN_STREAM = "unknown-stream", NOT_FOUND, "the run has no such stream";
    QUERY_REFUSED = "query-refused", UNPROCESSABLE_ENTITY, "the question does not fit";
    QUERY_FAILED = "query-failed", INTERNAL_SERVER_ERROR, "the copy of the run could not answer";
    NO_COPY = "no-copy", GONE, "there can be no copy of the run";
    NO_SUCH_TURN = "no-such-turn", NOT_FOUND, "the run has had no such turn";
    BAD_NAME = "bad-name", BAD_REQUEST, "the name cannot be used";
    ALREADY_ENDED = "already-ended", CONFLICT, "the run has already ended";
    NOT_ENDED = "not-ended", CONFLICT, "the run has not ended";
    STILL_NEEDED = "still-needed", CONFLICT, "the run is still needed";
    BATCH_FORGOTTEN = "batch-forgotten", GONE, "runs of the batch are deleted";
    NOT_BLOCKED = "not-blocked", CONFLICT, "the run is neither blocked nor paused";
    DOES_NOT_FIT = "does-not-fit", CONFLICT, "the run does not fit the module";
    CANNOT_CLEAN_UP = "cannot-clean-up", CONFLICT, "the run cannot clean up before it ends";
    BACKUP_UNDER_WAY = "backup-under-way", TOO_MANY_REQUESTS, "another backup is under way";
    NOT_FAILED = "not-failed", CONFLICT, "the run has not failed";
    CANNOT_RETRY = "cannot-retry", CONFLICT, "the run cannot be tried again";
    CANNOT_FORK = "cannot-fork", CONFLICT, "the run cannot be forked there";
    NOTHING_TO_RETRY = "nothing-to-retry", CONFLICT, "no step of the run waits for an attempt";
    IS_BLOCKED = "is-blocked", CONFLICT, "the run is blocked";
    NOTHING_TO_WAKE = "nothing-to-wake", CONFLICT, "the run waits for no such sleep";
    UNKNOWN_MODULE = "unknown-module", UNPROCESSABLE_ENTITY, "no such module";
    UNKNOWN_JOB = "unknown-job", NOT_FOUND, "no such job";
    JOB_ENDED = "job-ended", CONFLICT, "the job has ended";
    TOO_MANY_JOBS = "too-many-jobs", TOO_MANY_REQUESTS, "as many jobs go on as the host takes";
    BAD_JOB = "bad-job", BAD_REQUEST, "the job cannot be made";
    NOT_WASM = "not-webassembly", UNPROCESSABLE_ENTITY, "the module is not WebAssembly";
    CORE_MODULE = "core-module", UNPROCESSABLE_ENTITY, "the module is not a component";
    INVALID_MODULE = "invalid-module", UNPROCESSABLE_ENTITY, "the module is damaged";
    UNKNOWN_IMPORT = "unknown-import", UNPROCESSABLE_ENTITY, "the module imports something unknown";
    NOT_A_WORKFLOW = "not-a-workflow", UNPROCESSABLE_ENTITY, "the module is no workflow component";
    START_LACKS_STEPS = "missing-steps", SERVICE_UNAVAILABLE, "the host lacks steps of the workflow";
    DEPLOY_LACKS_STEPS = "missing-steps-at-deploy", CONFLICT, "the host lacks steps of the module";
    STORE_DAMAGED = "store-damaged", INTERNAL_SERVER_ERROR, "a record of the store cannot be read";
    STORE_TROUBLE = "store-trouble", SERVICE_UNAVAILABLE, "the store is in trouble";
    BUSY = "busy", SERVICE_UNAVAILABLE, "the host is busy";
    STOPPING = "stopping", SERVICE_UNAVAILABLE, "the host is stopping";
    RECOVERING = "recovering", SERVICE_UNAVAILABLE, "the host is recovering";
    NOT_READY = "not-ready", SERVICE_UNAVAILABLE, "the host cannot take work";
    BAD_RESPONSE = "bad-response", INTERNAL_SERVER_ERROR, "the workflow gave an unusable response";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_of_problem_share_a_type() {
        let mut uris: Vec<_> = Kind::ALL.iter().map(|kind| kind.uri).collect();
        uris.sort_unstable();
        uris.dedup();
        assert_eq!(uris.len(), Kind::ALL.len());
    }

    #[test]
    fn every_refusal_that_passes_says_when_to_come_back() {
        for kind in Kind::ALL {
            let response = Refusal::new(kind, "why").into_response();
            assert_eq!(response.status(), kind.status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            let passes = matches!(kind.status.as_u16(), 429 | 503);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), passes, "{}", kind.uri);
        }
    }

    #[test]
    fn a_problem_without_an_instance_does_not_mention_one() {
        let Refusal(problem) = Refusal::new(&Kind::UNKNOWN_ROUTE, "why");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:segno:problem:unknown-route",
                "title": "no such route",
                "status": 404,
                "detail": "why",
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }
}
