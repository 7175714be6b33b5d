//! Forking runs.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use segno_api::{ForkRequest, Problem, Started};
use segno_journal::Op;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::params::RunPath;
use crate::doors::refusal::Refusal;
use crate::doors::runs::SMALL;
use crate::doors::tokens::Caller;
use crate::doors::workflows::idempotency_key;
use crate::engine::{Asker, Engine, NewFork};

/// Forks a run: makes a new one that has its turns up to some turn, and goes on by itself from there.
///
/// What was done in them is not done again. What had been asked for by then and has its result since has that in the new
/// run, too; the steps that have none, or whose failure came since, or that get another input, begin anew, with IDs of
/// the new run. The old run hears nothing of it. A run is not forked where a webhook, a hook or a child of it is open,
/// where it is on its way to its end, or where what it had done by then was undone since.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/fork",
    operation_id = "forkRun",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The ID of the run"),
        ("Idempotency-Key" = Option<String>, Header,
         description = "A fork with the same key is the same fork"),
    ),
    request_body(content = Option<ForkRequest>),
    responses(
        (status = 200, description = "The key has made this fork before", body = Started),
        (status = 201, description = "The new run, which goes on", body = Started,
         headers(("Location" = String, description = "Where the run is"))),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run cannot be forked there, or does not fit the module, or the key has started another run", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such module", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take the run now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn fork(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let key = idempotency_key(request.headers())?;
    let size = SMALL.size + engine.config().limits.payload;
    let bounds = Bounds { size, ..SMALL };
    let (ForkRequest { turn, module, inputs }, _held) =
        body::json(request, bounds, &bodies).await?;
    inputs.values().try_for_each(|input| body::not_too_nested(input, "the input of a step"))?;
    let inputs = inputs.into_iter().map(|(op, input)| (Op(op), input.get().to_owned())).collect();
    let by = Asker::named(caller.name());
    let started = engine.fork(run, NewFork { turn, module, inputs, key, by }).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/v1/runs/{}", started.run_id);
    Ok((status, [(LOCATION, location)], Json(started)))
}
