//! Deleting runs.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use segno_api::Problem;

use crate::doors::params::RunPath;
use crate::doors::refusal::Refusal;
use crate::doors::tokens::Caller;
use crate::engine::{Asker, Engine};

/// Deletes a run that has ended, with all that the host has of it: what it was given and what it returned, its history,
/// its streams, and its idempotency key, which is free then. Nothing brings it back.
///
/// A run that has not ended is cancelled first. Large values that other runs have as well stay with these.
#[utoipa::path(
    delete,
    path = "/v1/runs/{id}",
    operation_id = "deleteRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    responses(
        (status = 204, description = "Nobody finds the run any more"),
        (status = 400, description = "The ID cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has not ended; or it is still needed: who is to be called at its end was not \
         reached yet, a child that it told to end cleans up, or its parent has not heard of its end", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
) -> Result<StatusCode, Refusal> {
    engine.delete_by(run, Asker::named(caller.name())).await?;
    Ok(StatusCode::NO_CONTENT)
}
