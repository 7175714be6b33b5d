//! Jobs, as long as any is left: a page of each, and then the next one.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::engine::admission::Jobs;
use crate::engine::clock::Clock;
use crate::engine::error::EngineError;
use crate::engine::handle::{Engine, Shared};

/// How soon it is tried again to work on jobs where that could not be done.
const AGAIN: Duration = Duration::from_secs(5);

/// Works on jobs until the host stops. Between two pages nothing of the engine is held.
pub(super) async fn work(engine: Weak<Shared>, jobs: Arc<Jobs>, clock: Clock) {
    while let Some(worked) = page(&engine, &jobs).await {
        match worked {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => jobs.chore.woken().await,
            Err(_) => {
                tokio::select! {
                    () = clock.pause(AGAIN) => {}
                    () = jobs.chore.woken() => {}
                }
            }
        }
    }
}

/// A page of each job: whether any is left. Nothing once the host stops.
async fn page(engine: &Weak<Shared>, jobs: &Jobs) -> Option<Result<bool, EngineError>> {
    let _alone = jobs.chore.begin().await?;
    let engine = engine.upgrade().map(Engine)?;
    let worked = engine.work_on_jobs().await;
    if let Err(error) = &worked
        && engine.trouble().is_none()
    {
        tracing::warn!(%error, "the jobs of the host do not go on just now");
    }
    Some(worked)
}
