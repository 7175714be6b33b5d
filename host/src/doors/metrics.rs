//! What the host has counted, and the counting of what the doors answer.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::engine::{Door, Engine, Supervisor};

/// The format that Prometheus asks for first.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Shows what the host has counted since it was started, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "host",
    responses((status = 200, description = "Counters in the OpenMetrics text format", body = String,
               content_type = "application/openmetrics-text"))
)]
pub(super) async fn show(State(engine): State<Engine>) -> impl IntoResponse {
    ([(CONTENT_TYPE, MEDIA_TYPE)], engine.metrics())
}

/// Counts what a router answers, whoever refused.
pub(super) fn counted(router: Router, current: Supervisor, door: Door) -> Router {
    router.layer(middleware::from_fn_with_state((current, door), count))
}

async fn count(
    State((current, door)): State<(Supervisor, Door)>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    current.engine().count_answer(door, response.status().as_u16());
    response
}
