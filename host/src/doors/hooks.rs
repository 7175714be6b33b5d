//! Hooks: which there are, whose they are, and calling them.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use segno_api::{HookPage, HookView, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::params::{Limit, Params, Segment};
use crate::doors::refusal::Refusal;
use crate::engine::Engine;

/// How much may be sent to a hook or as a signal, in bytes: as much as a call of a webhook may bring.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;

/// What is sent to a hook or as a signal.
pub(super) const PAYLOAD: Bounds = Bounds { size: MAX_PAYLOAD, time: Duration::from_secs(30) };

/// Which hooks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// How many at most, from 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>, default = 50, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Lists the hooks that can be called, in the order of their tokens.
#[utoipa::path(
    get,
    path = "/v1/hooks",
    operation_id = "listHooks",
    tag = "hooks",
    params(ListParams),
    responses(
        (status = 200, description = "A page of hooks", body = HookPage),
        (status = 400, description = "A parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(engine): State<Engine>,
    Params(params): Params<ListParams>,
) -> Result<Json<HookPage>, Refusal> {
    Ok(Json(engine.hooks(params.cursor, params.limit.get()).await?))
}

/// Says whose hook has a token.
#[utoipa::path(
    get,
    path = "/v1/hooks/{token}",
    operation_id = "getHook",
    tag = "hooks",
    params(("token" = String, Path, description = "The token of the hook")),
    responses(
        (status = 200, description = "The hook", body = HookView),
        (status = 404, description = "No hook has this token", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(engine): State<Engine>,
    Segment(token): Segment,
) -> Result<Json<HookView>, Refusal> {
    Ok(Json(engine.hook(&token).await?))
}

/// Sends a JSON value to the hook of a token. The answer comes when it is on disk.
///
/// An empty body is `null`.
#[utoipa::path(
    post,
    path = "/v1/hooks/{token}",
    operation_id = "resumeHook",
    tag = "hooks",
    params(("token" = String, Path, description = "The token of the hook")),
    request_body(content = Option<serde_json::Value>, description = "What is sent"),
    responses(
        (status = 202, description = "It is stored, and the workflow will take it", body = HookView),
        (status = 400, description = "The body is no JSON", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No hook has this token: none was opened yet, or it was disposed of, or its run \
         has ended", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "The workflow has not taken what was sent before", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take it now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Segment(token): Segment,
    request: Request,
) -> Result<(StatusCode, Json<HookView>), Refusal> {
    let (payload, _held) = body::value(request, PAYLOAD, &bodies).await?;
    let hook = engine.resume_hook(&token, payload).await?;
    Ok((StatusCode::ACCEPTED, Json(hook)))
}
