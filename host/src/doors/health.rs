//! Whether the host can take work: for load balancers and supervisors, so it needs no token.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::doors::problem::{Kind, Problem};
use crate::engine::Engine;

/// The host can take work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: a host in trouble answers 503.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Says whether the host can take work.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "host",
    security(()),
    responses(
        (status = 200, description = "The host can take work", body = Health),
        (status = 503, description = "It cannot; the detail says why", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(State(engine): State<Engine>) -> Result<Json<Health>, Problem> {
    match engine.trouble() {
        None => Ok(Json(Health { status: "ok" })),
        Some(reason) => Err(Problem::new(&Kind::NOT_READY, reason)),
    }
}
