//! The error of a workflow: one small box for whatever went wrong.

use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

/// Why a workflow failed: any error, boxed.
///
/// `?` turns any error into one, a [`StepFailure`](crate::StepFailure) above all. The text that
/// the host keeps is that of `{:#}`: the error and its causes, joined by `": "`. It also keeps the type of the
/// error and the place of the `?`, and shows them where a run has failed.
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
pub struct Error(Box<Inner>);

struct Inner {
    error: Box<dyn StdError + Send + Sync>,
    /// The name of its type, if that says anything.
    kind: Option<&'static str>,
    /// Where it became this one.
    place: &'static Location<'static>,
}

impl Error {
    /// An error with a message of its own.
    #[must_use]
    #[track_caller]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::of(message.to_string().into(), None)
    }

    #[track_caller]
    fn of(error: Box<dyn StdError + Send + Sync>, kind: Option<&'static str>) -> Self {
        Self(Box::new(Inner { error, kind, place: Location::caller() }))
    }

    /// The error inside, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.error.downcast_ref()
    }

    /// The name of the type of the error inside, as the compiler writes it. An error that is only a message
    /// has none.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        self.0.kind
    }

    /// Where the error became this one: the place of the `?`, or that of [`Error::new`]. Where a function is
    /// passed, as in `map_err(Error::from)`, it is a place in the library that calls it.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.0.place
    }
}

/// The name of a type of errors, if it says anything.
pub(crate) fn kind_of<E>() -> Option<&'static str> {
    let name = type_name::<E>();
    let says_something = !MESSAGES.iter().any(|message| name.starts_with(message));
    says_something.then_some(name)
}

/// What is only a message, or a box of any error, says nothing by its type.
const MESSAGES: [&str; 5] = [
    "&str",
    "alloc::string::String",
    "alloc::borrow::Cow<",
    "alloc::boxed::Box<str>",
    "alloc::boxed::Box<dyn ",
];

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::of(error.into(), kind_of::<E>())
    }
}

/// `{}` is the error alone, `{:#}` is the error and its causes.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            formatter.write_str(&chain(&*self.0.error))
        } else {
            fmt::Display::fmt(&self.0.error, formatter)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&chain(&*self.0.error))
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
    fn an_error_knows_its_type_and_the_place_of_the_question_mark() {
        let line = line!() + 1;
        let number = |text: &str| -> Result<u32, Error> { Ok(text.parse::<u32>()?) };
        let error = number("x").unwrap_err();
        assert_eq!(error.kind(), Some("core::num::error::ParseIntError"));
        assert_eq!((error.place().file(), error.place().line()), (file!(), line));
        let line = line!() + 1;
        let error = Error::new("no");
        assert_eq!((error.kind(), error.place().line()), (None, line));
        assert_eq!(Error::from("text").kind(), None);
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
