//! Whether the host can take work: for load balancers and supervisors, so it needs no token. And what
//! is wrong with it and its runs: for those who run it.

use axum::Json;
use axum::extract::State;
use segno_api::{Health, HealthReport};

use crate::doors::refusal::{Kind, Refusal};
use crate::engine::{Busy, Engine};
use segno_api::Problem;

/// What is said of the steps that a host lacks: without their names, since this needs no token.
fn lacking(engine: &Engine) -> Option<String> {
    let missing = engine.missing_steps();
    let operations: usize = missing.iter().map(|(_step, waiting)| waiting).sum();
    let steps = missing.len();
    (steps > 0).then(|| {
        format!(
            "{operations} operations wait for {steps} steps that this host lacks; start a host that has them"
        )
    })
}

/// What is said of a shard that does not answer: without the run, since this needs no token.
fn held_up(Busy { shard, time, .. }: &Busy) -> String {
    format!("shard {shard} has been at one turn for {} s, and its other runs wait", time.as_secs())
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
pub(super) async fn check(State(engine): State<Engine>) -> Result<Json<Health>, Refusal> {
    if let Some(reason) = engine.trouble() {
        return Err(Refusal::new(&Kind::NOT_READY, reason));
    }
    let busy = engine.unresponsive();
    let said: Vec<_> = busy.iter().map(held_up).chain(lacking(&engine)).collect();
    // One run must not take the host out of its balance, and all others with it.
    if engine.no_shard_answers() {
        return Err(Refusal::new(&Kind::NOT_READY, said.join("; ")));
    }
    let status = if busy.is_empty() { "ok" } else { "degraded" };
    Ok(Json(Health { status: status.into(), detail: (!said.is_empty()).then(|| said.join("; ")) }))
}

/// Says what is wrong with the host and its runs, in sentences: runs that are blocked or fail again and
/// again, steps that this host lacks, parts that do not answer.
///
/// Also a host in trouble answers 200 here: `/healthz` is for those who only want to know whether it
/// takes work.
#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "healthReport",
    tag = "host",
    responses(
        (status = 200, description = "What is wrong; no problems where all is well", body = HealthReport),
        (status = 503, description = "The store cannot be read", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn report(State(engine): State<Engine>) -> Result<Json<HealthReport>, Refusal> {
    Ok(Json(engine.health().await?))
}
