//! JSON as a history shows it: the text that was recorded, and no tree of it, which would take twenty
//! times the room.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value, as text.
#[derive(Debug, Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Text as it is shown. What a reader may not take for JSON, because it is none or is nested too
    /// deep, is shown as a string.
    #[must_use]
    pub fn of(text: String) -> Self {
        if serde_json::from_str::<Readable>(&text).is_err() {
            return Self::from(&Value::String(text));
        }
        RawValue::from_string(text).map_or_else(|_| Self::from(&Value::Null), Self)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("a value is JSON"))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// For clients, who have one page at a time: an enum that is tagged by a field cannot give its text.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from(&value))
    }
}

/// JSON that every reader takes: read to its end, with the usual bound on its depth, and not kept.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_shown_as_it_was_recorded_and_read_back() {
        let long = format!("[{}]", vec!["0"; 1_000].join(","));
        for text in
            ["null", "-1.5e3", r#"{"a": [1, "x", true, {}], "b": 18446744073709551615}"#, &long]
        {
            let json = Json::of(text.to_owned());
            assert_eq!(json.as_str(), text);
            let shown = serde_json::to_string(&json).unwrap();
            assert_eq!(shown, text);
            let read: Json = serde_json::from_str(&shown).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(read.as_str()).unwrap(),
                serde_json::from_str::<Value>(text).unwrap()
            );
        }
    }

    #[test]
    fn what_no_reader_takes_is_shown_as_a_string() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in ["", "{", "1e999", r#""\ud800""#, "NaN", &deep] {
            let shown = Json::of(text.to_owned());
            assert_eq!(serde_json::from_str::<String>(shown.as_str()).unwrap(), text);
        }
    }
}
