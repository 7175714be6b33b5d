//! The engine of a host over all its lives: after its store has failed, as on a full disk, it is let
//! go and opened again as after a crash, as soon as the store takes what is written.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::engine::Engine;
use crate::store::StoreError;

/// How often is looked whether the store has failed, and whether it can be opened again.
const LOOK: Duration = Duration::from_secs(1);

/// Whichever engine is current. Cheap to clone.
#[derive(Clone)]
pub struct Current(Arc<RwLock<Engine>>);

impl Current {
    /// The first one.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self(Arc::new(RwLock::new(engine)))
    }

    /// The engine that is current. To be asked for at each request: one that has failed takes no
    /// more work.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks after the engine for ever: where its store has failed, the engine is let go, and `open`
    /// is tried until it gives another one. What was acknowledged is on disk, and what was not is
    /// refused until then; the steps that ran were cut off, as in a crash.
    pub async fn look_after<E: Display>(self, open: impl AsyncFn() -> Result<Engine, E>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let failed = self.engine();
            if !failed.store_has_failed() {
                continue;
            }
            failed.abandon().await;
            let mut told = String::new();
            let engine = loop {
                look.tick().await;
                match open().await {
                    Ok(engine) => break engine,
                    Err(error) => tell_once(&mut told, &error),
                }
            };
            tracing::info!("the store takes what is written again; the host goes on");
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = engine;
        }
    }
}

/// Says why the store cannot be opened, once for each reason.
fn tell_once(told: &mut String, error: &impl Display) {
    let error = error.to_string();
    if *told != error {
        tracing::warn!(error, "the store cannot be opened again yet");
        *told = error;
    }
}

impl Engine {
    /// Whether the store has failed in a way that may pass. After a panic nothing is known of the
    /// state of the host, so that one is restarted by hand.
    fn store_has_failed(&self) -> bool {
        matches!(self.0.committer.trouble(), Some(error) if !matches!(error, StoreError::Panicked))
    }
}
