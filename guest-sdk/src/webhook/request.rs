//! One call of a webhook.

use std::str::Utf8Error;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use segno_guest_runtime::{inbox, types};

use crate::body::Body;
use crate::headers;
#[cfg(not(target_family = "wasm"))]
use crate::native::StepContext;
use crate::webhook::response::Response;

/// One call of a webhook. It can be passed to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The number of this request in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// The method, in capitals.
    pub method: String,
    /// Path and query as the caller sent them.
    pub url: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// What the caller sent.
    pub body: Body,
}

impl Request {
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

    /// The bytes of the body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// The first header of a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::find(&self.headers, name)
    }

    /// The first parameter of a name in the query, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Answers the caller, if the webhook is `manual`. The first answer counts; one that comes too
    /// late is dropped. Works in the workflow and in the body of a step.
    ///
    /// On replay nobody is answered.
    ///
    /// # Panics
    ///
    /// Natively, outside the body of a step: there is nobody to answer.
    pub fn respond(&self, response: Response) {
        #[cfg(not(target_family = "wasm"))]
        if let Some(step) = StepContext::try_current() {
            step.respond(self.number, response);
            return;
        }
        inbox::respond(self.number, response.into_host());
    }

    /// A request as it came from the host.
    pub(crate) fn from_host(request: types::Request) -> Self {
        let types::Request { number, method, url, headers, body } = request;
        Self { number, method, url, headers, body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use crate::body::Body;

    fn request(url: &str) -> Request {
        Request {
            number: 3,
            method: "POST".into(),
            url: url.into(),
            headers: vec![("x-id".into(), "1".into()), ("x-id".into(), "2".into())],
            body: Body::from(r#"{"a":1}"#),
        }
    }

    #[test]
    fn a_query_is_decoded() {
        let request = request("/hook/t?name=J%C3%BCrgen+M&flag&name=second");
        assert_eq!(request.query("name").as_deref(), Some("Jürgen M"));
        assert_eq!(request.query("flag").as_deref(), Some(""));
        assert_eq!(request.query("other"), None);
    }

    #[test]
    fn a_request_survives_the_way_to_a_step() {
        let request = request("/hook/t");
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
        assert_eq!(request.header("X-ID"), Some("1"));
        assert_eq!(request.query("name"), None);
        assert_eq!(request.json::<serde_json::Value>().unwrap()["a"], 1);
    }
}
