//! Trying failed runs again.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use segno_api::{Problem, RetryRequest, RunView};

use crate::doors::bodies::Bodies;
use crate::doors::body;
use crate::doors::params::RunPath;
use crate::doors::refusal::Refusal;
use crate::doors::runs::SMALL;
use crate::doors::tokens::Caller;
use crate::engine::{Asker, Engine};

/// Tries a failed run again, from where it failed.
///
/// The turn that delivered the failure which led to its error is set aside, with all behind it; they are kept, and
/// `GET /v1/runs/{id}/events?set_aside=1` tells them. The steps whose failure is set aside get new attempts, with what
/// they do today and under the IDs that they had. A run whose compensations have run is not tried again.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/retry",
    operation_id = "retryRun",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    request_body(content = Option<RetryRequest>),
    responses(
        (status = 200, description = "How the run stands now", body = RunView),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has not failed, cannot be tried again, or does not fit the module", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such module", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<Json<RunView>, Refusal> {
    let (RetryRequest { turn, module }, _held) = body::json(request, SMALL, &bodies).await?;
    Ok(Json(engine.retry_by(run, turn, module, Asker::named(caller.name())).await?))
}
