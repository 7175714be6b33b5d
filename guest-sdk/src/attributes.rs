//! Attributes: what a run is found by, besides its workflow and how it stands.
//!
//! A run can be given some at its start, and its workflow sets others as it learns of them:
//!
//! ```no_run
//! # mod steps { #[segno::step] pub async fn charge(_order: u64) -> Result<f64, segno::StepError> { Ok(1.5) } }
//! #[segno::workflow]
//! pub async fn order(number: u64) -> Result<(), segno::Error> {
//!     segno::attributes::set("phase", "payment")?;
//!     let amount = steps::charge(number).await?;
//!     segno::attributes::set("amount", amount)?;
//!     segno::attributes::remove("phase")?;
//!     Ok(())
//! }
//! ```
//!
//! Then `segno runs --attr amount=1.5` lists it, and so does `GET /v1/runs?attr.amount=1.5`. They are for finding: a
//! workflow cannot read them, and keeps what it needs in its variables. A run may have 32.

use jiff::Timestamp;
use segno_guest_runtime::attributes as guest;
use segno_guest_runtime::types::AttributeValue;

/// How long a name may be, in bytes.
const MAX_NAME: usize = 64;

/// How long a text may be, in bytes.
const MAX_TEXT: usize = 1 << 10;

/// The largest number up to which all whole numbers are different ones.
const LARGEST_WHOLE: u64 = 1 << 53;

/// Gives the run an attribute, in place of the value that it had before: a text, a number, a `bool`, or a
/// [`Timestamp`], which is kept to the millisecond.
///
/// Each change is in the history. On replay it is compared with the record.
///
/// # Errors
///
/// The name or the value cannot be that of an attribute. Nothing is changed then.
///
/// # Panics
///
/// Outside of a host. A run that has more than 32 attributes is blocked.
pub fn set(name: &str, value: impl IntoValue) -> Result<(), AttributeError> {
    check_name(name)?;
    let value = value.into_value()?.0;
    guest::set(name, &value);
    Ok(())
}

/// Takes an attribute from the run. Taking one that it does not have changes nothing.
///
/// On replay it is compared with the record.
///
/// # Errors
///
/// The name cannot be that of an attribute.
///
/// # Panics
///
/// Outside of a host.
pub fn remove(name: &str) -> Result<(), AttributeError> {
    check_name(name)?;
    guest::remove(name);
    Ok(())
}

fn check_name(name: &str) -> Result<(), AttributeError> {
    let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    let is_name = name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_allowed);
    if is_name { Ok(()) } else { Err(AttributeError::BadName(name.to_owned())) }
}

/// Why something cannot be an attribute.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// The name has other characters than it may, or too many.
    #[error(
        "{0:?} cannot be the name of an attribute: it has up to {MAX_NAME} letters from a to z, digits, `_`, `.` and `-`, and begins with a letter"
    )]
    BadName(String),
    /// The text is too long; how many bytes it has.
    #[error("a text of {0} bytes cannot be an attribute: it may have {MAX_TEXT}")]
    TooLong(usize),
    /// The number is infinite, or none at all.
    #[error("{0} cannot be an attribute: nothing can be compared with it")]
    NotANumber(f64),
    /// The whole number cannot be told from the ones beside it.
    #[error("{0} cannot be told from the number beside it: set it as a text")]
    TooLarge(i128),
    /// The moment lies before 1970.
    #[error("{0} cannot be an attribute: it lies before 1970")]
    TooEarly(Timestamp),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Value(AttributeValue);

/// What can be the value of an attribute: a text, a number, a `bool`, or a [`Timestamp`].
pub trait IntoValue {
    /// The value.
    ///
    /// # Errors
    ///
    /// It is one of a kind that can be, and is too long, too large or too early.
    fn into_value(self) -> Result<Value, AttributeError>;
}

impl IntoValue for Value {
    fn into_value(self) -> Result<Value, AttributeError> {
        Ok(self)
    }
}

impl IntoValue for String {
    fn into_value(self) -> Result<Value, AttributeError> {
        if self.len() > MAX_TEXT {
            return Err(AttributeError::TooLong(self.len()));
        }
        Ok(Value(AttributeValue::Text(self)))
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Result<Value, AttributeError> {
        self.to_owned().into_value()
    }
}

impl IntoValue for &String {
    fn into_value(self) -> Result<Value, AttributeError> {
        self.as_str().into_value()
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Result<Value, AttributeError> {
        Ok(Value(AttributeValue::Boolean(self)))
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Result<Value, AttributeError> {
        if !self.is_finite() {
            return Err(AttributeError::NotANumber(self));
        }
        Ok(Value(AttributeValue::Number(self)))
    }
}

impl IntoValue for f32 {
    fn into_value(self) -> Result<Value, AttributeError> {
        f64::from(self).into_value()
    }
}

impl IntoValue for Timestamp {
    fn into_value(self) -> Result<Value, AttributeError> {
        let at = u64::try_from(self.as_millisecond());
        at.map(|at| Value(AttributeValue::Time(at))).map_err(|_| AttributeError::TooEarly(self))
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl IntoValue for $number {
            #[expect(clippy::cast_precision_loss, reason = "it is small enough")]
            fn into_value(self) -> Result<Value, AttributeError> {
                let number = self as i128;
                if number.unsigned_abs() > u128::from(LARGEST_WHOLE) {
                    return Err(AttributeError::TooLarge(number));
                }
                Ok(Value(AttributeValue::Number(number as f64)))
            }
        })+
    };
}

whole_numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);
