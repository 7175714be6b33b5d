//! Steps: the native half of a workflow, run attempt by attempt with full I/O.
//!
//! This is where the world is touched, and where everything may fail, hang or panic. What comes
//! out is always one [`Outcome`]: the step returned, or a [`Mishap`] of which the journal decides what
//! follows. Nothing here knows a store, a guest or a turn.

mod attempt;
mod beats;
mod http;
mod places;
mod runner;
mod simulated;
mod streams;
mod tasks;

use segno_journal::retry::{FOREVER, Mishap, Policy};
use segno_journal::{StepCall, StepOptions};

pub use crate::steps::attempt::{Go, Hearers, Outcome, Running, StepAttempt};
pub use crate::steps::beats::Heard;
pub use crate::steps::http::{Allowed, BadTarget, Caller, Egress, http_step, origin};
pub use crate::steps::runner::Runner;
pub use crate::steps::simulated::SimulatedSteps;
pub use crate::steps::streams::{Piece, Refused, Writes, Written};
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
    Mishap::Failed {
        message: error.message().to_owned(),
        retry_after_ms: error.retry_after_delay().map(ms),
    }
}

#[cfg(test)]
mod tests {
    use segno::native::{Step, StepPolicy};
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn a_call_comes_before_its_step_and_the_host_before_both() {
        let hours = |hours: u64| Some(hours * 3_600_000);
        let declared = StepPolicy {
            max_retries: 3,
            retry_for: Some(std::time::Duration::from_secs(3_600)),
            ..StepPolicy::default()
        };
        let steps = segno::Steps::new()
            .with(Step::new("s", declared, |_input| async { Ok(String::new()) }));
        for (max_retries, retry_for_ms, host, expected) in [
            (None, None, FOREVER, (3, hours(1))),
            (Some(7), None, FOREVER, (7, hours(1))),
            // As often as that takes.
            (None, hours(2), FOREVER, (FOREVER, hours(2))),
            (Some(7), hours(2), FOREVER, (7, hours(2))),
            (None, None, 2, (2, hours(1))),
            (None, hours(2), 5, (5, hours(2))),
            (Some(1), None, 5, (1, hours(1))),
        ] {
            let options = StepOptions { max_retries, retry_for_ms, timeout_ms: None };
            let call =
                StepCall { name: "s".into(), input: "{}".into(), options, asked_at: Timestamp(0) };
            let policy = policy(&steps, &call, host);
            assert_eq!((policy.max_retries, policy.retry_for_ms), expected, "{options:?} {host}");
        }
    }
}
