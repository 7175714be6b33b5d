//! What can be asked of an engine that changes something: to start runs, to call their webhooks, to end
//! them and let them go on, and to deploy modules. Each is admitted first, comes to its end even if its
//! caller goes, and answers when it is on disk.

mod cancel;
mod deploy;
mod fingerprint;
mod resume;
mod retry_now;
mod start;
mod webhook;

pub use crate::engine::control::deploy::MissingSteps;
pub use crate::engine::control::webhook::FoundWebhook;
