//! What can be asked of an engine that changes something: to start runs, to call their webhooks and
//! hooks, to send them signals, several of that at once, to end them and let them go on, and to deploy modules. Each is admitted first, comes to its end even if its
//! caller goes, and answers when it is on disk.

mod again;
mod attributes;
mod batch;
mod cancel;
mod deploy;
mod fingerprint;
mod hook;
mod pause;
mod plan;
mod resume;
mod retry;
mod retry_now;
mod signal;
mod start;
mod wake;
mod webhook;

pub use crate::engine::control::batch::{NewBatch, StartInBatch};
pub(crate) use crate::engine::control::cancel::Without;
pub use crate::engine::control::deploy::MissingSteps;
pub use crate::engine::control::signal::NewSignal;
pub use crate::engine::control::start::{NewRun, Times};
pub use crate::engine::control::webhook::FoundWebhook;

use crate::engine::error::EngineError;

/// How long an idempotency key may be, in bytes.
const MAX_KEY: usize = 256;

/// Refuses a key that is empty or too long.
fn check_key(key: Option<&str>) -> Result<(), EngineError> {
    match key.map(str::len) {
        Some(size) if !(1..=MAX_KEY).contains(&size) => {
            Err(EngineError::BadKey { size, limit: MAX_KEY })
        }
        _ => Ok(()),
    }
}
