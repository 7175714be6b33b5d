//! Calls of webhooks, and what is answered to them.

use crate::grows;

/// One call of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// The HTTP method, in capitals.
    pub method: String,
    /// Path and query as the caller sent them.
    pub url: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

grows!(Request { number, method, url, headers, body });

impl Request {
    /// How much room the request takes while it waits to be taken, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.method.len()
            + self.url.len()
            + size_of_headers(&self.headers)
            + self.body.len()
    }
}

/// What headers take, the empty ones included: each is two strings.
fn size_of_headers(headers: &[(String, String)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len())
        .sum()
}

/// What a webhook answers to its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status, from 200 to 599.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as it goes out.
    pub body: Vec<u8>,
}

grows!(Response { status, headers, body });

impl Response {
    /// The answer where the workflow gives none: 202 with an empty body.
    #[must_use]
    pub const fn accepted() -> Self {
        Self { status: 202, headers: Vec::new(), body: Vec::new() }
    }

    /// How much room the response takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of_headers(&self.headers) + self.body.len()
    }
}
