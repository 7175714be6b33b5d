//! What a workflow may know of its run, and the log. All of it is answered at once, and recorded.

use crate::runtime::Runtime;
use crate::types::{Level, RunInfo};

/// Which run this is. The same on replay.
#[must_use]
pub fn run() -> RunInfo {
    Runtime::here(|runtime| runtime.host().run())
}

/// The time of the event that is being delivered, in milliseconds since 1970. It stands still while
/// the workflow runs. The same on replay.
#[must_use]
pub fn now() -> u64 {
    Runtime::here(|runtime| runtime.host().now())
}

/// The next number of the run's own seeded stream: each of the 2⁶⁴ is as likely. The same on
/// replay.
#[must_use]
pub fn random() -> u64 {
    Runtime::here(|runtime| runtime.host().random())
}

/// Writes a line to the log of the run. On replay nothing is written again.
pub fn log(level: Level, message: &str) {
    Runtime::here(|runtime| runtime.host().log(level, message));
}
