//! Workflows: what they take, and starting runs of them.

use std::collections::BTreeMap;

use segno_api::{AttributeView, SignalRequest, StartRequest, Started, WorkflowView};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use jiff::Timestamp as Moment;
use segno_journal::{Attributes, MAX_NESTING, Timestamp, is_too_nested};
use serde_json::value::RawValue;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::hooks::MAX_PAYLOAD;
use crate::doors::params::Segment;
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::tokens::Caller;
use crate::engine::{Asker, Engine, EngineError, NewRun, NewSignal, SIGNALS_AT_START, Times};
use segno_api::Problem;

/// The header by which a start can be repeated without a second run.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What stands around the input in the body, at most: the engine bounds the input itself, and says
/// so better than a bound on the body could.
pub(super) const ENVELOPE: usize = 64 << 10;

/// How long the body of a start may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Starts a run. The answer comes when the start is on disk.
///
/// With an `Idempotency-Key`, a repeated start gives the run that the first one started. The input must
/// then be the same: the same JSON value, whatever its blanks and the order of its members.
///
/// With `if_running` besides, the key leads to one run at a time: a start when that has ended begins another one. A
/// request that is sent again because its answer was lost may do so, too.
#[utoipa::path(
    post,
    path = "/v1/workflows/{name}/runs",
    operation_id = "startRun",
    tag = "runs",
    params(
        ("name" = String, Path, description = "The name of the workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same run"),
    ),
    request_body = StartRequest,
    responses(
        (status = 201, description = "Started", body = Started,
         headers(("Location" = String, description = "The path of the run"))),
        (status = 200, description = "The key is known: this is the run that it started", body = Started,
         headers(("Location" = String, description = "The path of the run"))),
        (status = 400, description = "The body or the key cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The workflow cannot take the input; the host calls nobody at the end of a run; or the key has started a run with another \
         one, and `run_id` names it", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such workflow", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The key has started a run that has ended and takes no signal, or one that has \
         not ended where `if_running` is `refuse`, or one that was cancelled for this and cleans up still; `run_id` names \
         it", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The run that the key has started has not taken what it was sent before; the \
         signals before the one that it does not take are stored", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The input is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take the run now, or lacks steps that its module wants, which \
          `missing_steps` lists. Nothing was stored, unless the store is in trouble: then it is not known, and a key makes \
          it safe to ask again", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn start(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let key = idempotency_key(request.headers())?;
    let bounds =
        Bounds { size: engine.config().limits.payload.saturating_add(ENVELOPE), time: BODY_TIME };
    let (start, _held): (StartRequest, _) = body::json(request, bounds, &bodies).await?;
    let StartRequest {
        input,
        signals,
        on_end,
        start_at,
        start_after,
        timeout,
        attributes,
        if_running,
    } = start;
    let times = times(start_at, start_after.as_deref(), timeout.as_deref())?;
    let attributes = values(attributes);
    let by = Asker::named(caller.name());
    let new =
        NewRun { times, attributes, if_running, by, ..new_run(&input, key, signals, on_end)? };
    let started = engine.start_with(&name, input, new).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/v1/runs/{}", started.run_id);
    Ok((status, [(LOCATION, location)], Json(started)))
}

/// What is said of a new run besides its input, which is looked at here as well.
pub(super) fn new_run(
    input: &RawValue,
    key: Option<String>,
    signals: Vec<SignalRequest>,
    on_end: Option<String>,
) -> Result<NewRun, Refusal> {
    if signals.len() > SIGNALS_AT_START {
        let count = signals.len();
        let detail =
            format!("a start has {SIGNALS_AT_START} signals at most, and this one has {count}");
        return Err(Refusal::new(&Kind::MALFORMED_JSON, detail));
    }
    check_nesting("the input", input)?;
    let signals = signals.into_iter().map(|SignalRequest { name, payload, key }| {
        Ok::<_, Refusal>(NewSignal { name, payload: payload_of_signal(payload)?, key })
    });
    let signals = signals.collect::<Result<_, _>>()?;
    Ok(NewRun { key, signals, on_end, ..NewRun::default() })
}

/// What a new run is found by. The engine looks at the names.
pub(super) fn values(attributes: BTreeMap<String, AttributeView>) -> Attributes {
    attributes.into_iter().map(|(name, AttributeView(value))| (name, value)).collect()
}

/// When a new run begins, and how long it may take.
pub(super) fn times(
    start_at: Option<Moment>,
    start_after: Option<&str>,
    timeout: Option<&str>,
) -> Result<Times, Refusal> {
    let refuse = |detail: String| Refusal::new(&Kind::MALFORMED_JSON, detail);
    if start_at.is_some() && start_after.is_some() {
        return Err(refuse("a start has `start_at` or `start_after`, and not both".to_owned()));
    }
    let timeout = body::duration("timeout", timeout)?;
    if timeout.is_some_and(|timeout| timeout.as_millis() == 0) {
        return Err(refuse("`timeout` has to be a millisecond or more".to_owned()));
    }
    // What was before 1970 is over.
    let in_ms = |at: Moment| Timestamp(u64::try_from(at.as_millisecond()).unwrap_or_default());
    let start_after = body::duration("start_after", start_after)?;
    Ok(Times { start_at: start_at.map(in_ms), start_after, timeout })
}

/// What a signal brings that is sent together with something else.
pub(super) fn payload_of_signal(payload: Box<RawValue>) -> Result<String, Refusal> {
    check_nesting("the payload of a signal", &payload)?;
    let size = payload.get().len();
    if size > MAX_PAYLOAD {
        let (what, limit) = ("what a signal brings", MAX_PAYLOAD);
        return Err(EngineError::TooLarge { what, size, limit }.into());
    }
    Ok(<Box<str>>::from(payload).into_string())
}

fn check_nesting(what: &str, json: &RawValue) -> Result<(), Refusal> {
    if !is_too_nested(json.get()) {
        return Ok(());
    }
    let detail = format!("{what} is nested more than {MAX_NESTING} levels deep");
    Err(Refusal::new(&Kind::MALFORMED_JSON, detail))
}

/// Shows a workflow, as the module has it that starts its new runs: what it takes and returns.
///
/// The schemas are there if the crate of the workflow has them.
#[utoipa::path(
    get,
    path = "/v1/workflows/{name}",
    operation_id = "getWorkflow",
    tag = "modules",
    params(("name" = String, Path, description = "The name of the workflow")),
    responses(
        (status = 200, description = "The workflow", body = WorkflowView),
        (status = 404, description = "There is no such workflow", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(engine): State<Engine>,
    Segment(name): Segment,
) -> Result<Json<WorkflowView>, Refusal> {
    Ok(Json(engine.workflow(&name)?))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = str::from_utf8(value.as_bytes())
        .map_err(|_| Refusal::new(&Kind::BAD_KEY, "the idempotency key must be text in UTF-8"))?;
    Ok(Some(text.to_owned()))
}
