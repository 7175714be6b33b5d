//! Jobs: one thing that is done to all runs that a filter means.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use segno_api::{
    JobMade, JobPage, JobRefusals, JobRequest, JobView, MoveRequest, Problem, RunView,
};
use segno_journal::{JobId, RunId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::doors::bodies::Bodies;
use crate::doors::body;
use crate::doors::filter::Counted;
use crate::doors::params::{JobPath, Limit, Params, RunPath};
use crate::doors::refusal::Refusal;
use crate::doors::runs::SMALL;
use crate::doors::tokens::Caller;
use crate::engine::{Asker, Engine, NewJob};

/// Has something done to all runs that a filter means, and that can take it: those that there are now.
///
/// The filter is that of a list of runs, in the query. The job is on disk when this answers, and goes on by itself, also
/// after a restart. With `dry_run`, only how many runs these are is said.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    operation_id = "makeJob",
    tag = "jobs",
    params(
        ("workflow" = Option<String>, Query, description = "Only runs of this workflow"),
        ("status" = Option<String>, Query, description = "Only runs that stand in one of these ways, with commas between \
         them; in all that can take the action where it is not said"),
        ("attr.NAME" = Option<String>, Query, description = "Only runs whose attribute NAME has this value"),
        ("started_after" = Option<String>, Query, description = "Only runs that were started at this moment or later"),
        ("started_before" = Option<String>, Query, description = "Only runs that were started before this moment"),
    ),
    request_body = JobRequest,
    responses(
        (status = 201, description = "The job is made", body = JobMade,
         headers(("Location" = String, description = "The path of the job"))),
        (status = 200, description = "It was a dry run", body = JobMade),
        (status = 400, description = "The filter or the body cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such module", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "As many jobs go on as the host takes", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host takes no work now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn make(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    Counted(filter): Counted,
    request: Request,
) -> Result<Response, Refusal> {
    let (JobRequest { action, kill, within, module, all, dry_run }, _held) =
        body::needed(request, SMALL, &bodies).await?;
    let within = body::duration("within", within.as_deref())?;
    let asked = NewJob { action, kill, within, module, all, dry_run };
    let made = engine.make_job(asked, filter, Asker::named(caller.name())).await?;
    Ok(answer(made))
}

/// A job that was made, with where it is found; or what a dry run counted.
fn answer(made: JobMade) -> Response {
    match &made.job {
        None => Json(made).into_response(),
        Some(job) => {
            let location = format!("/v1/jobs/{}", job.job_id);
            (StatusCode::CREATED, [(LOCATION, location)], Json(made)).into_response()
        }
    }
}

/// Which page to give.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JobsParams {
    /// How many at most, from 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<JobId>,
}

/// Lists jobs, newest first.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    operation_id = "listJobs",
    tag = "jobs",
    params(JobsParams),
    responses(
        (status = 200, description = "A page of jobs", body = JobPage),
        (status = 400, description = "A parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(engine): State<Engine>,
    Params(JobsParams { limit, cursor }): Params<JobsParams>,
) -> Result<Json<JobPage>, Refusal> {
    Ok(Json(engine.jobs(cursor, limit.get()).await?))
}

/// Says how a job stands.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    operation_id = "getJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The ID of the job")),
    responses(
        (status = 200, description = "How the job stands", body = JobView),
        (status = 400, description = "The ID cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(engine): State<Engine>,
    JobPath(job): JobPath,
) -> Result<Json<JobView>, Refusal> {
    Ok(Json(engine.job(job).await?))
}

/// Which page to give.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RefusalsParams {
    /// How many at most, from 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<RunId>,
}

/// Lists the runs that did not take what a job was to do, newest first, each with the reason.
///
/// The first 10,000 of a job are kept.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/refusals",
    operation_id = "listRefusals",
    tag = "jobs",
    params(("id" = String, Path, description = "The ID of the job"), RefusalsParams),
    responses(
        (status = 200, description = "A page of runs", body = JobRefusals),
        (status = 400, description = "The ID or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn refusals(
    State(engine): State<Engine>,
    JobPath(job): JobPath,
    Params(RefusalsParams { limit, cursor }): Params<RefusalsParams>,
) -> Result<Json<JobRefusals>, Refusal> {
    Ok(Json(engine.refusals(job, cursor, limit.get()).await?))
}

/// Stops a job: what it has done stays done.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/stop",
    operation_id = "stopJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The ID of the job")),
    responses(
        (status = 200, description = "How the job stands now", body = JobView),
        (status = 400, description = "The ID cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The job has ended", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn stop(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    JobPath(job): JobPath,
) -> Result<Json<JobView>, Refusal> {
    Ok(Json(engine.stop_job(job, Asker::named(caller.name())).await?))
}

/// Moves a run that has not ended to another module, if that gives the same commands for all that is recorded.
///
/// It is there from its next turn on. A blocked run goes on there; a paused one stays paused.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/move",
    operation_id = "moveRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    request_body = MoveRequest,
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has ended, or does not fit the module", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such module", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The run has not had its first turn, or the host has too much to do", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn move_run(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<Json<RunView>, Refusal> {
    let (MoveRequest { module }, _held) = body::needed(request, SMALL, &bodies).await?;
    Ok(Json(engine.move_by(run, &module, Asker::named(caller.name())).await?))
}
