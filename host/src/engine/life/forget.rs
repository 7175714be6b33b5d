//! Forgetting, now and then, what the host keeps no longer.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::engine::admission::Forgetting;
use crate::engine::clock::Clock;
use crate::engine::handle::{Engine, Shared};

/// How long it is from one sweep to the next, where nothing is deleted by hand: a look into an index for each workflow.
const EVERY: Duration = Duration::from_secs(60);

/// Sweeps until the host stops. Between two sweeps nothing of the engine is held.
pub(super) async fn forget(engine: Weak<Shared>, forgetting: Arc<Forgetting>, clock: Clock) {
    loop {
        {
            let Some(_alone) = forgetting.chore.begin().await else { return };
            let Some(engine) = engine.upgrade().map(Engine) else { return };
            if let Err(error) = engine.sweep().await
                && engine.trouble().is_none()
            {
                tracing::warn!(%error, "what the host keeps no longer is not forgotten yet");
            }
        }
        tokio::select! {
            () = clock.pause(EVERY) => {}
            () = forgetting.chore.woken() => {}
        }
    }
}
