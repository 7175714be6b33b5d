//! What a webhook answers to its caller.

use serde::{Deserialize, Deserializer, Serialize};

use segno_guest_runtime::types;

use crate::body::Body;

/// An HTTP response to the caller of a webhook.
///
/// ```
/// use segno::Response;
///
/// let response = Response::new(429).header("retry-after", "30").body("slow down");
/// assert_eq!(response.status(), 429);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    #[serde(deserialize_with = "valid_status")]
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Body,
}

impl Response {
    /// A response with no headers and no body.
    ///
    /// # Panics
    ///
    /// When `status` does not lie between 200 and 599.
    #[must_use]
    pub fn new(status: u16) -> Self {
        assert!(is_valid(status), "a response has a status from 200 to 599, and {status} is none");
        Self { status, headers: Vec::new(), body: Body::default() }
    }

    /// 200 with a JSON body.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(value)?;
        Ok(Self::new(200).header("content-type", "application/json").body(body))
    }

    /// 200 with a text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(200).header("content-type", "text/plain; charset=utf-8").body(text.into())
    }

    /// One more header. A name may occur more than once.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Another body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Another status.
    ///
    /// # Panics
    ///
    /// When `status` does not lie between 200 and 599.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        let Self { headers, body, .. } = self;
        Self { headers, body, ..Self::new(status) }
    }

    /// The status, from 200 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Names and values, in order.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The bytes of the body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// The body, without a copy.
    #[must_use]
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The response as it goes to the host.
    pub(crate) fn into_host(self) -> types::Response {
        let Self { status, headers, body } = self;
        types::Response { status, headers, body: body.into_bytes() }
    }
}

fn is_valid(status: u16) -> bool {
    (200..600).contains(&status)
}

fn valid_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if is_valid(status) {
        Ok(status)
    } else {
        Err(serde::de::Error::custom("a response has a status from 200 to 599"))
    }
}

#[cfg(test)]
mod tests {
    use super::Response;

    #[test]
    fn a_response_survives_json() {
        let response = Response::json(&[1, 2]).unwrap().with_status(201);
        let json = r#"{"status":201,"headers":[["content-type","application/json"]],"body":{"text":"[1,2]"}}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), json);
        assert_eq!(serde_json::from_str::<Response>(json).unwrap(), response);
    }

    #[test]
    fn a_status_that_no_caller_understands_is_refused() {
        for status in [0, 100, 199, 600] {
            let json = format!(r#"{{"status":{status}}}"#);
            assert!(serde_json::from_str::<Response>(&json).is_err());
            assert!(std::panic::catch_unwind(|| Response::new(status)).is_err());
        }
    }
}
