//! What can be asked of an engine that changes something: to start runs, to call their webhooks and
//! hooks, to send them signals, several of that at once, to end them and let them go on, and to deploy modules. Each is admitted first, comes to its end even if its
//! caller goes, and answers when it is on disk.

mod again;
mod attributes;
mod batch;
mod cancel;
mod delete;
mod deploy;
mod fingerprint;
mod forgetting;
mod fork;
mod fork_plan;
mod hook;
mod host_pause;
mod job_pages;
mod jobs;
mod move_to;
mod one_at_a_time;
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
pub use crate::engine::control::forgetting::Swept;
pub use crate::engine::control::fork_plan::NewFork;
pub use crate::engine::control::jobs::NewJob;
pub use crate::engine::control::signal::NewSignal;
pub use crate::engine::control::start::{NewRun, Times};
pub use crate::engine::control::webhook::FoundWebhook;

use crate::engine::error::EngineError;

/// How often something is looked at anew because others took keys that it has, or ended runs that it needs. Who
/// looks again finds that, so it is tried again only by chance.
const TRIES: usize = 8;

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
