//! Holding up all runs of the host at once.

use axum::extract::State;
use axum::{Extension, Json};
use segno_api::{HostPauseView, Problem};

use crate::doors::refusal::Refusal;
use crate::doors::tokens::Caller;
use crate::engine::{Asker, Engine};

/// Pauses the host: what happens to its runs is kept in its order until it is resumed, and no attempt of a step begins,
/// also none that waits for a place.
///
/// Attempts that have their places come to their ends. Starts, signals and webhooks
/// are answered when they are stored. The host stays paused over restarts. Pausing a paused host changes nothing.
#[utoipa::path(
    post,
    path = "/v1/pause",
    operation_id = "pauseHost",
    tag = "host",
    responses(
        (status = 200, description = "The host is paused", body = HostPauseView),
        (status = 503, description = "The store is in trouble", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<HostPauseView>, Refusal> {
    Ok(Json(engine.pause_host(Asker::named(caller.name())).await?))
}

/// Lets all runs of a paused host go on, with what has happened to them meanwhile.
///
/// Runs that are paused or blocked themselves stay so. Resuming a host that is not paused changes nothing.
#[utoipa::path(
    post,
    path = "/v1/resume",
    operation_id = "resumeHost",
    tag = "host",
    responses(
        (status = 200, description = "The host is not paused", body = HostPauseView),
        (status = 503, description = "The store is in trouble", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<HostPauseView>, Refusal> {
    Ok(Json(engine.resume_host(Asker::named(caller.name())).await?))
}
