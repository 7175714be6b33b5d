//! How a host treats an attempt that fails or does not end.

use std::time::Duration;

/// What a step declares about its attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPolicy {
    /// How many times a failed attempt is tried again: 3 by default, so 4 attempts in all; 0 is
    /// one attempt, and `u32::MAX` is without end.
    pub max_retries: u32,
    /// How long after its first failure a step is tried again: no attempt begins later. By default
    /// only their number is bounded.
    pub retry_for: Option<Duration>,
    /// How long one attempt may take: 10 minutes by default.
    pub timeout: Duration,
    /// How long one attempt may send no heartbeat; by default it need not send any.
    pub heartbeat_timeout: Option<Duration>,
    /// How long to wait between attempts.
    pub backoff: Backoff,
}

impl Default for StepPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            retry_for: None,
            timeout: Duration::from_mins(10),
            heartbeat_timeout: None,
            backoff: Backoff::default(),
        }
    }
}

/// An exponential delay between attempts: by default 1 s, doubled each time, at most 60 s, each
/// moved by up to 20 % in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// The delay before the second attempt.
    pub initial: Duration,
    /// By what each delay is multiplied to give the next; at least 1.
    pub factor: f64,
    /// No delay is longer, before jitter.
    pub max: Duration,
    /// The share of a delay by which it may be moved in either direction, from 0 to 1.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(60),
            jitter: 0.2,
        }
    }
}
