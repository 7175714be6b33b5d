//! Whether two pieces of JSON say the same, and whether one can be read at all.
//!
//! An input is kept as the text that came. Before that it is read once, because the text alone may
//! look well and be none that a program could make a value of: half a surrogate pair, or a number
//! beyond all bounds.

use std::fmt;
use std::hash::Hasher;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use siphasher::sip::SipHasher13;

/// What a JSON value comes down to: the same for two texts that differ in blanks, in escapes and in
/// the order of members, and, but for a chance of one in 2^64, in nothing else. Made in constant
/// memory, however large the value is. It is kept on disk, so it is made in the same way for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// That of a JSON text.
    ///
    /// # Errors
    ///
    /// What no value can be made of, and where it stands.
    pub(crate) fn of(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// As [`Fingerprint::of`]; a text of which no value can be made is the same as itself.
    pub(crate) fn of_any(text: &str) -> Self {
        Self::of(text).unwrap_or_else(|_| Self::leaf(8, text.as_bytes()))
    }

    /// It, as it is kept.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// That of a value without parts. The kinds differ, so that `1` is not `"1"`.
    fn leaf(kind: u8, bytes: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write_u8(kind);
        hasher.write(bytes);
        Self(hasher.finish())
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Fingerprint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(0, &[]))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(1, &[value.into()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(2, &value.to_le_bytes()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(3, &value.to_le_bytes()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(4, &value.to_bits().to_le_bytes()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Fingerprint, E> {
        Ok(Fingerprint::leaf(5, value.as_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Fingerprint, A::Error> {
        let mut hasher = SipHasher13::new();
        hasher.write_u8(6);
        while let Some(Fingerprint(element)) = elements.next_element()? {
            hasher.write_u64(element);
        }
        Ok(Fingerprint(hasher.finish()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fingerprint, A::Error> {
        // A sum, because members have no order.
        let mut sum = 0_u64;
        while let Some((Fingerprint(name), Fingerprint(value))) = members.next_entry()? {
            let mut hasher = SipHasher13::new();
            hasher.write_u64(name);
            hasher.write_u64(value);
            sum = sum.wrapping_add(hasher.finish());
        }
        Ok(Fingerprint::leaf(7, &sum.to_le_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Fingerprint {
        Fingerprint::of(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn what_says_the_same_has_the_same_fingerprint() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\": [true, null],\n \"a\": 1 }"),
            (r#""\u00fc/""#, r#""ü\/""#),
            ("1.50", "15e-1"),
            (r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"y":2,"x":1}}"#),
        ] {
            assert_eq!(of(one), of(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_differs_has_another_fingerprint() {
        let values = [
            "null",
            "false",
            "true",
            "0",
            "1",
            "-1",
            "1.5",
            r#""""#,
            r#""1""#,
            "[]",
            "{}",
            "[0]",
            "[[]]",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"["a",1]"#,
        ];
        for (at, one) in values.iter().enumerate() {
            for other in &values[at + 1..] {
                assert_ne!(of(one), of(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn what_no_value_can_be_made_of_is_refused() {
        for json in [r#""\ud800""#, r#"["\udc00x"]"#, "1e999", r#"{"a":-1e999}"#, r#"{"\ud800":1}"#]
        {
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok(), "{json}");
            assert!(Fingerprint::of(json).is_err(), "{json}");
        }
    }
}
