//! What follows an attempt of a step that did not succeed.

use serde::{Deserialize, Serialize};

use crate::{StepFailure, Timestamp};

/// How often and how soon a step is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How many times a failed attempt is tried again; attempts are one more.
    pub max_retries: u32,
    /// The delay before the first retry, in milliseconds.
    pub initial_ms: u64,
    /// By how much each delay is longer than the one before it.
    pub factor: f64,
    /// The longest delay, in milliseconds, before jitter.
    pub max_ms: u64,
    /// How far a delay may be moved either way, as a share of itself, from 0 to 1.
    pub jitter: f64,
}

/// How an attempt ended, if not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mishap {
    /// The step returned an error that another attempt may mend.
    Failed {
        /// The error, with its causes.
        message: String,
        /// When the step itself wants to be tried again, in milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// The step returned an error that no attempt can mend.
    Fatal {
        /// The error, with its causes.
        message: String,
    },
    /// The host stopped while the attempt ran.
    Lost,
}

impl std::fmt::Display for Mishap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failed { message, .. } | Self::Fatal { message } => message,
            Self::Lost => LOST,
        })
    }
}

/// An attempt that did not succeed and is tried again: its record, and the one thing about a step
/// in flight that is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Its error, with its causes.
    pub error: String,
    /// When the next attempt is due.
    pub retry_at: Timestamp,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Try again after this many milliseconds.
    Retry {
        /// The delay.
        after_ms: u64,
    },
    /// Tell the workflow.
    GiveUp(StepFailure),
}

/// What an attempt that the host did not survive says of itself.
pub const LOST: &str = "the host stopped while the step ran";

/// Decides what follows the mishap of the attempt with this number, counted from 1.
///
/// `chance` is a random number from 0 to 1: where in the range of its jitter a delay falls.
#[must_use]
pub fn decide(step: &str, policy: &Policy, attempt: u32, mishap: Mishap, chance: f64) -> Decision {
    let give_up = |message, fatal| {
        Decision::GiveUp(StepFailure { step: step.to_owned(), attempts: attempt, message, fatal })
    };
    let used_up = attempt > policy.max_retries;
    match mishap {
        Mishap::Fatal { message } => give_up(message, true),
        Mishap::Failed { message, .. } if used_up => give_up(message, false),
        Mishap::Lost if used_up => give_up(LOST.to_owned(), false),
        Mishap::Failed { retry_after_ms: Some(after_ms), .. } => Decision::Retry { after_ms },
        Mishap::Failed { retry_after_ms: None, .. } => {
            Decision::Retry { after_ms: backoff_ms(policy, attempt, chance) }
        }
        // The restart itself was the delay.
        Mishap::Lost => Decision::Retry { after_ms: 0 },
    }
}

/// The delay after the attempt with this number, counted from 1, in milliseconds.
fn backoff_ms(policy: &Policy, attempt: u32, chance: f64) -> u64 {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let grown = policy.initial_ms as f64 * policy.factor.powi(exponent);
    let capped = grown.min(policy.max_ms as f64);
    let moved = capped * (1.0 + policy.jitter * (2.0 * chance - 1.0));
    // A float-to-integer cast saturates, and NaN becomes 0.
    moved as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy =
        Policy { max_retries: 3, initial_ms: 1000, factor: 2.0, max_ms: 60_000, jitter: 0.2 };

    fn failed() -> Mishap {
        Mishap::Failed { message: "no".into(), retry_after_ms: None }
    }

    fn delay(attempt: u32, chance: f64) -> u64 {
        let patient = Policy { max_retries: u32::MAX, ..POLICY };
        match decide("s", &patient, attempt, failed(), chance) {
            Decision::Retry { after_ms } => after_ms,
            Decision::GiveUp(failure) => panic!("gave up: {failure:?}"),
        }
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let delays: Vec<_> = (1..=8).map(|attempt| delay(attempt, 0.5)).collect();
        assert_eq!(delays, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(delay(u32::MAX, 0.5), 60_000);
    }

    #[test]
    fn jitter_moves_a_delay_by_a_fifth_either_way() {
        assert_eq!(delay(1, 0.0), 800);
        assert_eq!(delay(1, 1.0), 1200);
    }

    #[test]
    fn three_retries_are_four_attempts() {
        assert!(matches!(decide("s", &POLICY, 3, failed(), 0.5), Decision::Retry { .. }));
        let failure = StepFailure { step: "s".into(), attempts: 4, message: "no".into(), fatal: false };
        assert_eq!(decide("s", &POLICY, 4, failed(), 0.5), Decision::GiveUp(failure));
    }

    #[test]
    fn a_fatal_error_ends_a_step_at_once() {
        let mishap = Mishap::Fatal { message: "gone".into() };
        let failure = StepFailure { step: "s".into(), attempts: 1, message: "gone".into(), fatal: true };
        assert_eq!(decide("s", &POLICY, 1, mishap, 0.5), Decision::GiveUp(failure));
    }

    #[test]
    fn a_step_may_say_when_it_wants_to_be_tried_again_but_not_more_often() {
        let mishap = Mishap::Failed { message: "429".into(), retry_after_ms: Some(7) };
        assert_eq!(decide("s", &POLICY, 1, mishap.clone(), 0.5), Decision::Retry { after_ms: 7 });
        assert!(matches!(decide("s", &POLICY, 4, mishap, 0.5), Decision::GiveUp(_)));
    }

    #[test]
    fn an_attempt_that_a_crash_cut_off_counts() {
        assert_eq!(decide("s", &POLICY, 1, Mishap::Lost, 0.5), Decision::Retry { after_ms: 0 });
        assert!(
            matches!(decide("s", &POLICY, 4, Mishap::Lost, 0.5), Decision::GiveUp(failure) if failure.message == LOST)
        );
    }
}
