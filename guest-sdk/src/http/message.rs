//! Request and response as they travel between workflow and host.

use std::str::Utf8Error;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::headers;

/// The name of the step that every host has.
pub const STEP: &str = "http";

/// The one parameter of the step.
pub(crate) const PARAMETER: &str = "request";

/// A request that the host is to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Where to send it, absolute.
    pub url: String,
    /// Names and values, in order. Those of the connection are the host's and fail the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// How long one attempt may take, in milliseconds; the host's own limit where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether the host follows redirects. It does unless told otherwise.
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    /// Whether the host sends the step ID in the header `Idempotency-Key`.
    #[serde(default)]
    pub idempotency_header: bool,
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// What the server sent.
    #[serde(default)]
    pub body: Body,
}

/// The server answered with a status from 400 to 599.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server answered with status {status}")]
pub struct StatusError {
    /// The status.
    pub status: u16,
}

impl Response {
    /// Whether the status lies between 200 and 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The response itself, unless its status is an error.
    ///
    /// # Errors
    ///
    /// When the status lies between 400 and 599.
    pub fn error_for_status(self) -> Result<Self, StatusError> {
        match self.status {
            status @ 400..600 => Err(StatusError { status }),
            _ => Ok(self),
        }
    }

    /// The first header of a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::find(&self.headers, name)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not that of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.body.json()
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, Utf8Error> {
        self.body.text()
    }
}

fn yes() -> bool {
    true
}
