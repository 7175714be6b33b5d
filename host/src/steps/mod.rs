//! Steps: the native half of a workflow, run attempt by attempt with full I/O.
//!
//! This is where the world is touched, and where everything may fail, hang or panic. What comes
//! out is always one [`Outcome`]: the step returned, or a [`Mishap`] of which the journal decides what
//! follows. Nothing here knows a store, a guest or a turn.

mod http;
mod listed;
mod places;
mod runner;
mod tasks;

use segno_journal::retry::{FOREVER, Mishap, Policy};
use segno_journal::{StepCall, StepOptions};

pub use crate::steps::http::{Allowed, BadTarget, Egress, http_step};
pub use crate::steps::listed::Listed;
pub use crate::steps::runner::{Attempted, Go, Hearers, Outcome, Runner, Running};
pub use crate::steps::tasks::{Bounds, Tasks};

/// How often and how soon a step is tried again: what the call wants, else what the step declares.
/// A step that is not known has no policy of its own. It is not tried again more often than the host
/// allows.
fn policy(steps: &segno::Steps, call: &StepCall, host_max_retries: u32) -> Policy {
    let declared = steps.get(&call.name).map(|step| step.policy.clone()).unwrap_or_default();
    let StepOptions { max_retries, retry_for_ms, timeout_ms: _ } = call.options;
    let max_retries = max_retries.or(retry_for_ms.map(|_| FOREVER)).unwrap_or(declared.max_retries);
    Policy {
        max_retries: max_retries.min(host_max_retries),
        retry_for_ms: retry_for_ms.or(declared.retry_for.map(ms)),
        initial_ms: ms(declared.backoff.initial),
        factor: declared.backoff.factor,
        max_ms: ms(declared.backoff.max),
        jitter: declared.backoff.jitter,
    }
}

/// Milliseconds of a duration; the longest there are where it is longer.
fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What an error of a step means for its attempts.
fn mishap(error: &segno::StepError) -> Mishap {
    if error.is_fatal() {
        return Mishap::Fatal { message: error.message().to_owned() };
    }
    Mishap::Failed { message: error.message().to_owned(), retry_after_ms: error.retry_after_delay().map(ms) }
}
