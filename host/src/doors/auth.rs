//! Who may use the management API: whoever has the token, or, where there is none, whoever is on
//! this machine.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::{Authority, Uri};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

use crate::doors::problem::{Kind, Problem};

/// The one path that is open to all: supervisors have no token.
const OPEN: &str = "/healthz";

/// The bearer token of the management API. Shown nowhere.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token is one or more visible ASCII characters without a space, for example what `openssl rand -hex 32` prints"
)]
pub struct BadToken;

impl Token {
    /// Takes a text as the token.
    ///
    /// # Errors
    ///
    /// The text is empty, or has characters that a header cannot carry.
    pub fn new(text: impl Into<String>) -> Result<Self, BadToken> {
        let text = text.into();
        let usable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if usable { Ok(Self(text)) } else { Err(BadToken) }
    }

    /// The token itself, for the header of a client.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares in a time that says nothing about where the difference is.
    fn is(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What decides whether a request may pass.
#[derive(Debug)]
pub(super) struct Guard(Option<Token>);

impl Guard {
    pub(super) const fn new(token: Option<Token>) -> Self {
        Self(token)
    }

    fn admits(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match &self.0 {
            Some(token) if bearer(headers).is_some_and(|offered| token.is(offered)) => Ok(()),
            Some(_) => {
                let detail = "send the token of this host as `Authorization: Bearer TOKEN`";
                Err(Problem::new(&Kind::UNAUTHORIZED, detail))
            }
            None if is_local(headers) => Ok(()),
            None => {
                let detail = "this host has no token, so it answers only to requests for a loopback address that \
                              come from no foreign web page; set a token to lift this";
                Err(Problem::new(&Kind::FOREIGN, detail))
            }
        }
    }
}

/// Lets a request pass, or says why not.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.uri().path() != OPEN {
        guard.admits(request.headers())?;
    }
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// True if no browser sent this on behalf of a foreign page: a page can call a loopback address,
/// and with a name of its own that resolves to one it can even read the answer. Both show in the
/// headers that only the browser sets.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).is_none_or(|host| {
        host.to_str().ok().and_then(|host| host.parse().ok()).is_some_and(|host| is_loopback(&host))
    });
    let origin = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.as_ref().and_then(Uri::authority).is_some_and(is_loopback)
    });
    host && origin
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn status(guard: &Guard, headers: &[(HeaderName, &'static str)]) -> u16 {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        guard.admits(&headers).map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn only_the_token_itself_opens_the_door() {
        let guard = Guard::new(Some(Token::new("s3cret").unwrap()));
        for (authorization, expected) in [
            ("Bearer s3cret", 200),
            ("bearer s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer s3cret2", 401),
            ("Bearer S3CRET", 401),
            ("Bearer ", 401),
            ("Bearer", 401),
            ("Basic s3cret", 401),
            ("s3cret", 401),
        ] {
            assert_eq!(status(&guard, &[(AUTHORIZATION, authorization)]), expected, "{authorization}");
        }
        assert_eq!(status(&guard, &[]), 401);
        assert_eq!(status(&guard, &[(HOST, "example.org"), (AUTHORIZATION, "Bearer s3cret")]), 200);
    }

    #[test]
    fn without_a_token_no_foreign_page_gets_in() {
        let guard = Guard::new(None);
        for host in ["localhost:7878", "LOCALHOST", "127.0.0.1:7878", "127.9.9.9", "[::1]:7878"] {
            assert_eq!(status(&guard, &[(HOST, host)]), 200, "{host}");
        }
        for host in ["example.org", "example.org:7878", "localhost.example.org", "10.0.0.1", "[::2]:1", "?"] {
            assert_eq!(status(&guard, &[(HOST, host)]), 403, "{host}");
        }
        for (origin, expected) in [
            ("http://localhost:3000", 200),
            ("http://127.0.0.1", 200),
            ("https://example.org", 403),
            ("null", 403),
        ] {
            assert_eq!(status(&guard, &[(HOST, "localhost"), (ORIGIN, origin)]), expected, "{origin}");
        }
    }

    #[test]
    fn a_token_is_neither_empty_nor_blank_nor_shown() {
        for text in ["", " ", "two words", "tab\t", "é"] {
            assert!(Token::new(text).is_err(), "{text:?}");
        }
        assert_eq!(format!("{:?}", Token::new("s3cret").unwrap()), "Token(..)");
    }
}
