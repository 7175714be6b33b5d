//! Runs: which there are, how they stand, what happened to them, and stopping them.

use segno_api::{
    CancelRequest, HistoryPage, ResumeRequest, RunCounts, RunPage, RunView, Started, WakeRequest,
};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use segno_journal::Op;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::filter::{Counted, Filter};
use crate::doors::params::{Limit, Params, RunPath, Turn, WaitFor};
use crate::doors::refusal::Refusal;
use crate::doors::tokens::Caller;
use crate::doors::workflows::idempotency_key;
use crate::engine::{Asker, CancelHow, Engine};
use segno_api::Problem;

/// What the body may be of what asks for something to be done to a run: a digest and what stands around it.
pub(super) const SMALL: Bounds = Bounds { size: 64 << 10, time: Duration::from_secs(30) };

/// Lists runs, newest first, and says of those that have not ended why they wait.
///
/// Of several parameters all have to hold. A page can have fewer runs than `limit`, and a `next` all the same: so many
/// runs are looked at for one page, and the next one goes on from there.
#[utoipa::path(
    get,
    path = "/v1/runs",
    operation_id = "listRuns",
    tag = "runs",
    params(
        ("workflow" = Option<String>, Query, description = "Only runs of this workflow"),
        ("status" = Option<String>, Query, description = "Only runs that stand in one of these ways: running, blocked, \
         completed, failed, cancelled, pending, paused, with commas between them"),
        ("attr.NAME" = Option<String>, Query, description = "Only runs whose attribute NAME has this value: `42` is a \
         string and a number, `true` a string and a boolean, and what is a date with a time, as \
         2026-11-30T00:00:00Z, a string and a moment. Up to 8 of them"),
        ("started_after" = Option<String>, Query, description = "Only runs that were started at this moment or later"),
        ("started_before" = Option<String>, Query, description = "Only runs that were started before this moment"),
        ("trouble" = Option<bool>, Query, description = "Only runs that are blocked, fail again and again, wait for a \
         step that this host lacks, or are not answered for"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many at most, from 1 to 1000; \
         50 where none is given"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of runs", body = RunPage),
        (status = 400, description = "A parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(engine): State<Engine>,
    Filter(filter): Filter,
) -> Result<Json<RunPage>, Refusal> {
    Ok(Json(engine.runs(filter).await?))
}

/// Says how many runs there are, and how many of them stand in each way.
///
/// It takes the parameters of a list but for `trouble`, `limit` and `cursor`. All runs are counted where neither
/// attributes nor moments are asked for; otherwise up to 10,000, and `more` says that there may be more.
#[utoipa::path(
    get,
    path = "/v1/runs/counts",
    operation_id = "countRuns",
    tag = "runs",
    params(
        ("workflow" = Option<String>, Query, description = "Only runs of this workflow"),
        ("status" = Option<String>, Query, description = "Only runs that stand in one of these ways, with commas \
         between them"),
        ("attr.NAME" = Option<String>, Query, description = "Only runs whose attribute NAME has this value"),
        ("started_after" = Option<String>, Query, description = "Only runs that were started at this moment or later"),
        ("started_before" = Option<String>, Query, description = "Only runs that were started before this moment"),
    ),
    responses(
        (status = 200, description = "How many runs there are", body = RunCounts),
        (status = 400, description = "A parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn count(
    State(engine): State<Engine>,
    Counted(filter): Counted,
) -> Result<Json<RunCounts>, Refusal> {
    Ok(Json(engine.count_runs(filter).await?))
}

/// How to look at a run.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GetParams {
    /// Wait so long for the run to end or to be blocked: a number of seconds, or a number with ms,
    /// s, m or h; at most 5m.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<WaitFor>,
}

/// Says how a run stands; with `wait`, when it has ended or is blocked, or when the time is up.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}",
    operation_id = "getRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run"), GetParams),
    responses(
        (status = 200, description = "How the run stands", body = RunView),
        (status = 400, description = "The ID or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "As many requests wait as the host has room for", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
    Params(params): Params<GetParams>,
) -> Result<Json<RunView>, Refusal> {
    Ok(Json(match params.wait {
        None => engine.run(run).await?,
        Some(wait) => engine.wait(run, wait.get()).await?,
    }))
}

/// Which part of a history to give.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsParams {
    /// The `next` of the page before: the number of a turn.
    #[serde(default)]
    #[param(value_type = Option<u64>)]
    cursor: Turn,
    /// How many turns at most, from 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>, default = 50, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// Tell what was set aside when the run was tried again: the number that `run_retried` says.
    set_aside: Option<u32>,
}

/// Tells what happened to a run, oldest first.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/events",
    operation_id = "getEvents",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run"), EventsParams),
    responses(
        (status = 200, description = "A page of the history", body = HistoryPage),
        (status = 400, description = "The ID or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
    Params(params): Params<EventsParams>,
) -> Result<Json<HistoryPage>, Refusal> {
    let (from, max) = (params.cursor.get(), params.limit.get());
    Ok(Json(match params.set_aside {
        None => engine.history(run, from, max).await?,
        Some(number) => engine.set_aside(run, number, from, max).await?,
    }))
}

/// Cancels a run: nothing new starts, its steps are told, its webhooks close.
///
/// A run that has compensations, or is amid something that is shielded, is told so: it cleans up, and is cancelled
/// then. It is `running` until that, and its `cleanup` says how far it is. With `kill` a run ends at once. Cancelling
/// a run that is cancelled, or was told to end, changes nothing.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/cancel",
    operation_id = "cancelRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    request_body(content = Option<CancelRequest>),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 400, description = "The body cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has already completed or failed", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<Json<RunView>, Refusal> {
    let (CancelRequest { kill, within }, _held) = body::json(request, SMALL, &bodies).await?;
    let within = body::duration("within", within.as_deref())?.unwrap_or(CancelHow::WITHIN);
    let how = CancelHow { kill, within };
    Ok(Json(engine.cancel_by(run, how, Asker::named(caller.name())).await?))
}

/// Has each step of a run that waits for its next attempt tried now.
///
/// It uses up no attempt: it is the one that would have come later.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/retry-now",
    operation_id = "retryNow",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "No step of the run waits for its next attempt", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry_now(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
) -> Result<Json<RunView>, Refusal> {
    Ok(Json(engine.retry_now(run).await?))
}

/// Ends sleeps of a run before their time: one, or all that it waits for.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/wake",
    operation_id = "wakeRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    request_body(content = Option<WakeRequest>),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run waits for no such sleep, or is blocked", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn wake(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<Json<RunView>, Refusal> {
    let (WakeRequest { op }, _held) = body::json(request, SMALL, &bodies).await?;
    Ok(Json(engine.wake_by(run, op.map(Op), Asker::named(caller.name())).await?))
}

/// Lets a blocked or paused run go on, on its own module or on another one.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/resume",
    operation_id = "resumeRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    request_body(content = Option<ResumeRequest>),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run is neither blocked nor paused; or it is paused, and does not fit the module", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such module", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<Json<RunView>, Refusal> {
    let (ResumeRequest { module }, _held) = body::json(request, SMALL, &bodies).await?;
    Ok(Json(engine.resume_by(run, module, Asker::named(caller.name())).await?))
}

/// Holds a run up until it is resumed: what happens to it meanwhile is kept in its order.
///
/// Steps that are under way come to their ends. Pausing a paused run changes nothing.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/pause",
    operation_id = "pauseRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has ended, or is blocked", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The run has not had its first turn, or the host has too much to do", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
) -> Result<Json<RunView>, Refusal> {
    Ok(Json(engine.pause_by(run, Asker::named(caller.name())).await?))
}

/// Starts a new run with the input of this one, on the module that starts new runs of its workflow.
///
/// Its steps are other ones: what the old run did is done again. It has the time-out of the old run, and what is
/// called at its end.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/run-again",
    operation_id = "runAgain",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The ID of the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same run"),
    ),
    responses(
        (status = 201, description = "Started", body = Started,
         headers(("Location" = String, description = "The path of the new run"))),
        (status = 200, description = "The key is known: this is the run that it started", body = Started,
         headers(("Location" = String, description = "The path of the new run"))),
        (status = 400, description = "The key cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run, or no such workflow any more", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The workflow cannot take the input any more", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take the run now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn run_again(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let started = engine.run_again(run, idempotency_key(&headers)?).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/v1/runs/{}", started.run_id);
    Ok((status, [(LOCATION, location)], Json(started)))
}
