//! Modules: deploying them, and which there are.

use segno_api::{Deployed, ModuleList};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::params::Params;
use crate::doors::refusal::Refusal;
use crate::engine::{Engine, MissingSteps};
use segno_api::Problem;

/// How long a component may take to come. It allows for a slow line.
const COMPONENT_TIME: Duration = Duration::from_secs(300);

/// How to deploy.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeployParams {
    /// Deploy a component that wants steps which this host lacks, too: its workflows cannot be started
    /// until a host has them.
    #[serde(default, rename = "allow-missing-steps")]
    allow_missing_steps: bool,
}

/// Deploys a component: from now on it starts the new runs of its workflows.
///
/// Runs in flight stay on their modules. A component that is refused changes nothing.
#[utoipa::path(
    put,
    path = "/v1/modules",
    operation_id = "deploy",
    tag = "modules",
    params(DeployParams),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "Deployed", body = Deployed),
        (status = 200, description = "This very component was deployed before", body = Deployed),
        (status = 409, description = "It wants steps that this host lacks; `missing_steps` lists them",
         body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The component is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The component cannot be run here; the detail says why", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot store it now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn deploy(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    Params(params): Params<DeployParams>,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let missing =
        if params.allow_missing_steps { MissingSteps::Allowed } else { MissingSteps::Refused };
    let (parts, body) = request.into_parts();
    let bounds = Bounds { size: engine.config().max_module, time: COMPONENT_TIME };
    let (wasm, _held) = body::read(&parts.headers, body, bounds, &bodies).await?;
    let deployed = engine.deploy_with(wasm, missing).await?;
    let status = if deployed.unchanged { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(deployed)))
}

/// Lists the modules that are kept.
#[utoipa::path(
    get,
    path = "/v1/modules",
    operation_id = "listModules",
    tag = "modules",
    responses((status = 200, description = "The modules", body = ModuleList))
)]
pub(super) async fn list(State(engine): State<Engine>) -> Result<Json<ModuleList>, Refusal> {
    Ok(Json(ModuleList { modules: engine.modules().await? }))
}
