//! Attributes: what a run is found by, besides its workflow and how it stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How many attributes a run may have.
pub const MAX_ATTRIBUTES: usize = 32;

/// How long the name of an attribute may be, in bytes.
pub const MAX_ATTRIBUTE_NAME: usize = 64;

/// How long the value of an attribute may be, in bytes: it is part of a key of the index.
pub const MAX_ATTRIBUTE_BYTES: usize = 1 << 10;

/// The attributes of a run, by name.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// Whether an attribute may have this name: letters from a to z, digits, `_`, `.` and `-`, beginning with a letter.
#[must_use]
pub fn is_attribute_name(name: &str) -> bool {
    let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    name.len() <= MAX_ATTRIBUTE_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_allowed)
}

/// The value of an attribute. Values of different kinds are never equal. The order of the variants is the disk
/// format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AttributeValue {
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Boolean(bool),
    /// A moment.
    Time(Timestamp),
}

impl AttributeValue {
    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(_) | Self::Time(_) => 8,
            Self::Boolean(_) => 1,
        }
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{}`", text.escape_debug()),
            Self::Number(number) => write!(f, "{}", number.get()),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Time(at) => write!(f, "{at}"),
        }
    }
}

/// A number that can be compared with every other one: neither infinite nor none at all, and with one zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Number(u64);

/// The largest number up to which all whole numbers are different ones.
const LARGEST_WHOLE: i64 = 1 << 53;

impl Number {
    /// The number, if it is one.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        // Zero has two signs, and is one number.
        number.is_finite().then(|| Self((number + 0.0).to_bits()))
    }

    /// A whole number, if it can be told from the ones beside it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is small enough")]
    pub fn whole(number: i64) -> Option<Self> {
        let is_exact = (-LARGEST_WHOLE..=LARGEST_WHOLE).contains(&number);
        is_exact.then(|| Self((number as f64).to_bits()))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The same as a whole number, if it is one that can be told from those beside it.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "what is cut off makes it another number")]
    pub fn as_whole(self) -> Option<i64> {
        let whole = self.get() as i64;
        (Self::whole(whole) == Some(self)).then_some(whole)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.get().total_cmp(&other.get())
    }
}

impl From<Number> for f64 {
    fn from(number: Number) -> Self {
        number.get()
    }
}

impl TryFrom<f64> for Number {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("an attribute is no number, or an infinite one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_a_letter_and_has_few_kinds_of_characters() {
        let long = "a".repeat(MAX_ATTRIBUTE_NAME);
        for name in ["a", "customer", "order.id-2_x", &long] {
            assert!(is_attribute_name(name), "{name}");
        }
        let longer = format!("{long}a");
        for name in ["", "1a", "_a", "A", "aB", "a b", "ä", "a=", "a\0", &longer] {
            assert!(!is_attribute_name(name), "{name}");
        }
    }

    #[test]
    fn a_number_is_one_however_it_is_written() {
        assert_eq!(Number::new(42.0), Number::whole(42));
        assert_eq!(Number::new(-0.0), Number::new(0.0));
        assert_eq!(Number::new(-0.0), Number::whole(0));
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Number::new(none), None);
        }
        assert_eq!(Number::whole(LARGEST_WHOLE + 1), None, "it would be the one before it");
        let whole = |number: f64| Number::new(number).and_then(Number::as_whole);
        assert_eq!([42.0, -3.0, 1e300, 0.5].map(whole), [Some(42), Some(-3), None, None]);
        let mut numbers = [3.5, -1.0, 0.0, -2.5, 1e9].map(|number| Number::new(number).unwrap());
        numbers.sort();
        assert_eq!(numbers.map(Number::get), [-2.5, -1.0, 0.0, 3.5, 1e9]);
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        let shown = |value: AttributeValue| value.to_string();
        assert_eq!(shown(AttributeValue::Text("a`\n".into())), "`a`\\n`");
        assert_eq!(shown(AttributeValue::Number(Number::whole(42).unwrap())), "42");
        assert_eq!(shown(AttributeValue::Boolean(true)), "true");
        assert_eq!(shown(AttributeValue::Time(Timestamp(0))), Timestamp(0).to_string());
    }
}
