//! What a step says when an attempt went wrong.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::duration::IntoDuration;
use crate::error::chain;

/// Why an attempt of a step failed, and what the host should do about it.
///
/// Whatever comes by `?` is tried again after the step's backoff, until its attempts are used up.
/// [`fatal`](Self::fatal) ends the step at once, [`retry_after`](Self::retry_after) says when to
/// come back.
///
/// ```
/// use segno::StepError;
///
/// fn check(status: u16) -> Result<(), StepError> {
///     match status {
///         200 => Ok(()),
///         404 => Err(StepError::fatal("there is no such contact")),
///         429 => Err(StepError::retry_after("30s", "too many requests")),
///         _ => Err("the server is in trouble".into()),
///     }
/// }
/// assert!(check(404).unwrap_err().is_fatal());
/// assert!(!check(500).unwrap_err().is_fatal());
/// ```
///
/// Like other boxes of any error it is not itself a [`std::error::Error`].
#[derive(Debug)]
pub struct StepError {
    message: String,
    advice: Advice,
}

/// What to do after the attempt.
#[derive(Debug)]
enum Advice {
    BackOff,
    RetryAfter(Duration),
    GiveUp,
}

impl StepError {
    /// No further attempt can help: the step fails at once.
    #[must_use]
    pub fn fatal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(cause, Advice::GiveUp)
    }

    /// The next attempt, if there is one left, starts after `delay` instead of the backoff.
    ///
    /// A `delay` that is not a duration is named in the message, and the backoff holds.
    #[must_use]
    pub fn retry_after(
        delay: impl IntoDuration,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        match delay.into_duration() {
            Ok(delay) => Self::new(cause, Advice::RetryAfter(delay)),
            Err(invalid) => {
                let mut error = Self::new(cause, Advice::BackOff);
                error.message = format!("{} (and in retry_after: {invalid})", error.message);
                error
            }
        }
    }

    /// Whether no further attempt can help.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self.advice, Advice::GiveUp)
    }

    /// The delay before the next attempt, where the step asked for one.
    #[must_use]
    pub fn retry_after_delay(&self) -> Option<Duration> {
        match self.advice {
            Advice::RetryAfter(delay) => Some(delay),
            Advice::BackOff | Advice::GiveUp => None,
        }
    }

    /// The error and its causes, joined by `": "`.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>, advice: Advice) -> Self {
        Self { message: chain(&*cause.into()), advice }
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self::new(error, Advice::BackOff)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::StepError;

    fn by_question_mark(kind: &str) -> Result<(), StepError> {
        match kind {
            "std" => Err(std::io::Error::other("disk full"))?,
            "anyhow" => Err(anyhow::anyhow!("c").context("b").context("a"))?,
            "str" => Err("plain")?,
            "string" => Err(String::from("owned"))?,
            "step" => Err(StepError::fatal("over"))?,
            _ => {}
        }
        Ok(())
    }

    #[test]
    fn anything_by_question_mark_can_be_tried_again() {
        for (kind, message) in
            [("std", "disk full"), ("anyhow", "a: b: c"), ("str", "plain"), ("string", "owned")]
        {
            let error = by_question_mark(kind).unwrap_err();
            assert_eq!(error.message(), message);
            assert!(!error.is_fatal());
            assert_eq!(error.retry_after_delay(), None);
        }
    }

    #[test]
    fn a_step_error_keeps_its_advice_through_question_mark() {
        assert!(by_question_mark("step").unwrap_err().is_fatal());
    }

    #[test]
    fn retry_after_takes_texts_and_durations() {
        let minute = Duration::from_secs(60);
        for error in
            [StepError::retry_after("1 minute", "later"), StepError::retry_after(minute, "later")]
        {
            assert_eq!(error.retry_after_delay(), Some(minute));
            assert_eq!(error.to_string(), "later");
        }
    }

    #[test]
    fn a_bad_delay_never_hides_the_error() {
        let error = StepError::retry_after("1 month", "later");
        assert_eq!(error.retry_after_delay(), None);
        assert!(!error.is_fatal());
        assert!(error.message().starts_with("later (and in retry_after: \"1 month\" is not"));
    }
}
