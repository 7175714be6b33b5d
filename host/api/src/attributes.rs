//! Attributes of runs, as they stand in JSON.

use std::fmt;

use jiff::Timestamp;
use segno_journal::{AttributeValue, MAX_ATTRIBUTE_BYTES, Number};
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::moment::when;

/// The value of an attribute: a string, a number, a boolean, or a moment as `{"time": "2026-11-30T00:00:00Z"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeView(pub AttributeValue);

/// The name of the only field of a moment.
const TIME: &str = "time";

impl Serialize for AttributeView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            AttributeValue::Text(text) => serializer.serialize_str(text),
            AttributeValue::Number(number) => match number.as_whole() {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(number.get()),
            },
            AttributeValue::Boolean(value) => serializer.serialize_bool(*value),
            AttributeValue::Time(at) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(TIME, &when(*at))?;
                map.end()
            }
        }
    }
}

impl fmt::Display for AttributeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            AttributeValue::Text(text) => f.write_str(text),
            AttributeValue::Number(number) => write!(f, "{}", number.get()),
            AttributeValue::Boolean(value) => write!(f, "{value}"),
            AttributeValue::Time(at) => write!(f, "{}", when(*at)),
        }
    }
}

impl<'de> Deserialize<'de> for AttributeView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = AttributeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a string, a number, a boolean, or a moment as {\"time\": \"2026-11-30T00:00:00Z\"}",
        )
    }

    fn visit_bool<E>(self, value: bool) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<AttributeValue, E> {
        let cannot_be_told = || {
            E::custom(format!(
                "{value} cannot be told from the number beside it; send it as a string"
            ))
        };
        Number::whole(value).map(AttributeValue::Number).ok_or_else(cannot_be_told)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<AttributeValue, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<AttributeValue, E> {
        let is_none = || E::custom("an attribute is no number, or an infinite one");
        Number::new(value).map(AttributeValue::Number).ok_or_else(is_none)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<AttributeValue, E> {
        if value.len() > MAX_ATTRIBUTE_BYTES {
            let size = value.len();
            return Err(E::custom(format!(
                "the value of an attribute has {size} bytes, but at most {MAX_ATTRIBUTE_BYTES} are allowed"
            )));
        }
        Ok(AttributeValue::Text(value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<AttributeValue, A::Error> {
        let bad = || {
            A::Error::custom("an attribute that is an object has the member `time`, and no other")
        };
        if members.next_key::<String>()?.ok_or_else(bad)? != TIME {
            return Err(bad());
        }
        let at: Timestamp = members.next_value()?;
        if members.next_key::<String>()?.is_some() {
            return Err(bad());
        }
        time(at).ok_or_else(|| A::Error::custom(format!("{at} lies before 1970")))
    }
}

/// A moment as a value, unless it lies before 1970.
pub(crate) fn time(at: Timestamp) -> Option<AttributeValue> {
    let at = u64::try_from(at.as_millisecond()).ok()?;
    Some(AttributeValue::Time(segno_journal::Timestamp(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_it_is_read() {
        for json in
            ["\"42\"", "42", "-3", "12.5", "1e+300", "true", r#"{"time":"2026-11-30T00:00:00Z"}"#]
        {
            let value: AttributeView = serde_json::from_str(json).expect(json);
            assert_eq!(serde_json::to_string(&value).expect(json), json);
        }
        let same = |json| serde_json::from_str::<AttributeView>(json).expect(json);
        assert_eq!(same("42.0"), same("42"));
        assert_ne!(same("\"42\""), same("42"));
    }

    #[test]
    fn what_cannot_be_a_value_is_refused_with_a_sentence() {
        let long = format!("\"{}\"", "x".repeat(MAX_ATTRIBUTE_BYTES + 1));
        for (json, expected) in [
            ("null", "a string, a number, a boolean, or a moment"),
            ("[]", "a string, a number, a boolean, or a moment"),
            ("{}", "has the member `time`"),
            (r#"{"at":1}"#, "has the member `time`"),
            (r#"{"time":"2026-11-30T00:00:00Z","x":1}"#, "has the member `time`"),
            (r#"{"time":"1969-11-30T00:00:00Z"}"#, "lies before 1970"),
            ("9007199254740993", "send it as a string"),
            ("18446744073709551615", "send it as a string"),
            (long.as_str(), "has 1025 bytes"),
        ] {
            let error = serde_json::from_str::<AttributeView>(json).expect_err(json);
            assert!(error.to_string().contains(expected), "{json}: {error}");
        }
    }
}
