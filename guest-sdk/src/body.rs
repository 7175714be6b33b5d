//! Bytes that travel in JSON: as text where they are text, as base64 where they are not.

use std::str::Utf8Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The body of a request or a response.
///
/// In JSON it is `{"text": "…"}` where it is UTF-8, else `{"base64": "…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(&self.0)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not that of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// The form in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wire<T> {
    Text(T),
    Base64(String),
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Ok(text) => Wire::Text(text),
            Err(_) => Wire::Base64(STANDARD.encode(&self.0)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Wire::<String>::deserialize(deserializer)? {
            Wire::Text(text) => Ok(text.into()),
            Wire::Base64(text) => match STANDARD.decode(text) {
                Ok(bytes) => Ok(Self(bytes)),
                Err(error) => Err(D::Error::custom(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Body;

    #[test]
    fn text_travels_as_text_and_bytes_as_base64() {
        for (body, json) in [
            (Body::from("grüß"), r#"{"text":"grüß"}"#),
            (Body::default(), r#"{"text":""}"#),
            (Body::from(vec![0xff, 0x00, 0x10]), r#"{"base64":"/wAQ"}"#),
        ] {
            assert_eq!(serde_json::to_string(&body).unwrap(), json);
            assert_eq!(serde_json::from_str::<Body>(json).unwrap(), body);
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in [r#""text""#, r#"{"base64":"?"}"#, r#"{"hex":"00"}"#, "null"] {
            assert!(serde_json::from_str::<Body>(json).is_err(), "{json}");
        }
    }
}
