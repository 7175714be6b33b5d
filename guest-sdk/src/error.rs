//! The error of a workflow: one small box for whatever went wrong.

use std::error::Error as StdError;
use std::fmt;

/// Why a workflow failed: any error, boxed.
///
/// `?` turns any error into one, a [`StepFailure`](crate::StepFailure) above all. The text that
/// the host keeps is that of `{:#}`: the error and its causes, joined by `": "`.
///
/// ```
/// fn amount(text: &str) -> Result<u32, segno::Error> {
///     if text.is_empty() {
///         return Err(segno::Error::new("there is no amount"));
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(format!("{:#}", amount("").unwrap_err()), "there is no amount");
/// assert_eq!(format!("{:#}", amount("x").unwrap_err()), "invalid digit found in string");
/// ```
///
/// Like other boxes of any error it is not itself a [`std::error::Error`].
pub struct Error(Box<dyn StdError + Send + Sync>);

impl Error {
    /// An error with a message of its own.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }

    /// The error inside, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// `{}` is the error alone, `{:#}` is the error and its causes.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            formatter.write_str(&chain(&*self.0))
        } else {
            fmt::Display::fmt(&self.0, formatter)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&chain(&*self.0))
    }
}

/// An error and its causes, joined by `": "`.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Error;
    use crate::step::StepFailure;

    fn failing() -> Result<(), Error> {
        Err(anyhow::anyhow!("the port is closed").context("cannot reach the ledger"))?;
        Ok(())
    }

    #[test]
    fn the_alternate_form_names_every_cause() {
        let error = failing().unwrap_err();
        assert_eq!(error.to_string(), "cannot reach the ledger");
        assert_eq!(format!("{error:#}"), "cannot reach the ledger: the port is closed");
    }

    #[test]
    fn a_step_failure_can_be_found_again() {
        let failure = StepFailure {
            step: "charge".into(),
            attempts: 4,
            message: "card declined".into(),
            fatal: false,
        };
        let error = Error::from(failure.clone());
        assert_eq!(error.downcast_ref(), Some(&failure));
        assert_eq!(Error::from("text").to_string(), "text");
    }
}
