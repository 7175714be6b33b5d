//! What follows an attempt of a step that did not succeed.

use crate::{StepFailure, Timestamp, grows};

/// How often and how soon a step is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How many times a failed attempt is tried again; attempts are one more. [`FOREVER`] has no end.
    pub max_retries: u32,
    /// How long after its first failure a step is tried again, in milliseconds: no attempt begins
    /// later. Nothing means that only their number is bounded.
    pub retry_for_ms: Option<u64>,
    /// The delay before the first retry, in milliseconds.
    pub initial_ms: u64,
    /// By how much each delay is longer than the one before it.
    pub factor: f64,
    /// The longest delay, in milliseconds, before jitter.
    pub max_ms: u64,
    /// How far a delay may be moved either way, as a share of itself, from 0 to 1.
    pub jitter: f64,
}

/// As many retries as it takes.
pub const FOREVER: u32 = u32::MAX;

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
}

impl std::fmt::Display for Mishap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failed { message, .. } | Self::Fatal { message } => message,
        })
    }
}

/// An attempt that did not succeed and is tried again: its record, and the one thing about a step
/// in flight that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Its error, with its causes.
    pub error: String,
    /// When the next attempt is due.
    pub retry_at: Timestamp,
    /// When the first attempt of the step failed.
    pub first_at: Timestamp,
}

grows!(Attempt { number, at, error, retry_at, first_at });

impl Attempt {
    /// When the next attempt is due: never later than its whole delay from now, whatever the machine's
    /// clock did since.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Timestamp {
        self.retry_at.min(now.plus_ms(self.retry_at.since_ms(self.at)))
    }
}

/// How often and how long a step has been tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The number of the attempt that has just failed, from 1.
    pub number: u32,
    /// How long ago the first one failed, in milliseconds.
    pub for_ms: u64,
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

/// Decides what follows a mishap. A step is given up when its attempts are used up, or its time: that
/// is so when the next attempt would begin after it.
///
/// `chance` is a random number from 0 to 1: where in the range of its jitter a delay falls.
#[must_use]
pub fn decide(step: &str, policy: &Policy, tried: Tried, mishap: Mishap, chance: f64) -> Decision {
    let give_up = |message, fatal| {
        Decision::GiveUp(StepFailure {
            step: step.to_owned(),
            attempts: tried.number,
            message,
            fatal,
        })
    };
    let (message, retry_after_ms) = match mishap {
        Mishap::Fatal { message } => return give_up(message, true),
        Mishap::Failed { message, retry_after_ms } => (message, retry_after_ms),
    };
    let after_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(policy, tried.number, chance));
    let next_ms = tried.for_ms.saturating_add(after_ms);
    let is_late = policy.retry_for_ms.is_some_and(|retry_for_ms| next_ms > retry_for_ms);
    if tried.number > policy.max_retries || is_late {
        return give_up(message, false);
    }
    Decision::Retry { after_ms }
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

    const POLICY: Policy = Policy {
        max_retries: 3,
        retry_for_ms: None,
        initial_ms: 1000,
        factor: 2.0,
        max_ms: 60_000,
        jitter: 0.2,
    };

    fn failed() -> Mishap {
        Mishap::Failed { message: "no".into(), retry_after_ms: None }
    }

    fn tried(number: u32) -> Tried {
        Tried { number, for_ms: 0 }
    }

    fn delay(attempt: u32, chance: f64) -> u64 {
        let patient = Policy { max_retries: FOREVER, ..POLICY };
        match decide("s", &patient, tried(attempt), failed(), chance) {
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
        assert!(matches!(decide("s", &POLICY, tried(3), failed(), 0.5), Decision::Retry { .. }));
        let failure =
            StepFailure { step: "s".into(), attempts: 4, message: "no".into(), fatal: false };
        assert_eq!(decide("s", &POLICY, tried(4), failed(), 0.5), Decision::GiveUp(failure));
    }

    #[test]
    fn a_fatal_error_ends_a_step_at_once() {
        let mishap = Mishap::Fatal { message: "gone".into() };
        let failure =
            StepFailure { step: "s".into(), attempts: 1, message: "gone".into(), fatal: true };
        assert_eq!(decide("s", &POLICY, tried(1), mishap, 0.5), Decision::GiveUp(failure));
    }

    #[test]
    fn a_step_may_say_when_it_wants_to_be_tried_again_but_not_more_often() {
        let mishap = Mishap::Failed { message: "429".into(), retry_after_ms: Some(7) };
        assert_eq!(
            decide("s", &POLICY, tried(1), mishap.clone(), 0.5),
            Decision::Retry { after_ms: 7 }
        );
        assert!(matches!(decide("s", &POLICY, tried(4), mishap, 0.5), Decision::GiveUp(_)));
    }

    #[test]
    fn a_step_is_tried_again_for_as_long_as_it_says_and_no_attempt_begins_later() {
        let policy = Policy { max_retries: FOREVER, retry_for_ms: Some(7_200_000), ..POLICY };
        let after = |for_ms| decide("s", &policy, Tried { number: 100, for_ms }, failed(), 0.5);
        assert_eq!(after(7_140_000), Decision::Retry { after_ms: 60_000 });
        assert!(matches!(after(7_140_001), Decision::GiveUp(failure) if failure.attempts == 100));
    }

    #[test]
    fn of_a_number_and_a_time_that_counts_which_is_over_first() {
        let policy = Policy { retry_for_ms: Some(5_000), ..POLICY };
        let after = |number, for_ms| decide("s", &policy, Tried { number, for_ms }, failed(), 0.5);
        assert!(matches!(after(4, 0), Decision::GiveUp(_)));
        assert!(matches!(after(2, 3_001), Decision::GiveUp(_)));
        assert!(matches!(after(2, 3_000), Decision::Retry { .. }));
    }

    #[test]
    fn a_clock_that_went_back_makes_no_delay_longer() {
        let now = Timestamp(1_000);
        let day = 86_400_000;
        let at = now.plus_ms(day);
        let attempt =
            Attempt { number: 1, at, error: "no".into(), retry_at: at.plus_ms(500), first_at: at };
        assert_eq!(attempt.due(now), now.plus_ms(500));
        assert_eq!(attempt.due(at.plus_ms(100)), at.plus_ms(500));
    }
}
