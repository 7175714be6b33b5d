//! What a workflow gets instead of a step's output.

use std::fmt;

use segno_guest_runtime::types;
use serde::{Deserialize, Serialize};

/// A step failed for good: its attempts are used up, or it said that none can help.
///
/// The workflow may look at it and go on, or pass it on with `?`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// The name of the step.
    pub step: String,
    /// How many attempts were made. One that a crash cut off does not count. 0 if the call did not get
    /// as far as an attempt, for example because its input is too large, or cannot be written as JSON.
    pub attempts: u32,
    /// The last error, with its causes.
    pub message: String,
    /// Whether the step said that no further attempt can help.
    pub fatal: bool,
}

impl StepFailure {
    /// A failure as it came from the host.
    pub(crate) fn from_host(failure: types::StepFailure) -> Self {
        let types::StepFailure { step, attempts, message, fatal } = failure;
        Self { step, attempts, message, fatal }
    }

    /// A call that never became an attempt.
    pub(crate) fn before_any_attempt(step: &str, message: String) -> Self {
        Self { step: step.to_owned(), attempts: 0, message, fatal: true }
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, attempts, message, fatal } = self;
        match (fatal, attempts) {
            (true, _) => write!(formatter, "step `{step}` failed: {message}"),
            (false, 1) => write!(formatter, "step `{step}` failed after 1 attempt: {message}"),
            (false, _) => {
                write!(formatter, "step `{step}` failed after {attempts} attempts: {message}")
            }
        }
    }
}

impl std::error::Error for StepFailure {}
