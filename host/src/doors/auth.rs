//! Who may use the management API, and for what: whoever has a token with the right that it needs.
//!
//! A browser sends no bearer token on behalf of a foreign page: such a page would have to know it, and
//! would have to be allowed to set the header, which no answer of this door allows. So nothing that
//! else tells a page's request from a program's, as `Origin` does, is looked at.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::info;

use crate::doors::refusal::{Kind, Refusal};
use crate::doors::tokens::{Caller, Keyring, Right};

/// The one path that is open to all: supervisors have no token.
const OPEN: &str = "/healthz";

/// Lets a request pass, or says why not. Whoever asks for more than to look leaves a line in the log.
pub(super) async fn check(
    State(keyring): State<Keyring>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if request.uri().path() == OPEN {
        return Ok(next.run(request).await);
    }
    let caller = caller(&keyring, request.headers())?;
    Ok(pass(caller, request, next).await)
}

/// Lets a request of somebody pass who has the right, or says that they have not.
pub(super) async fn pass(caller: Caller, mut request: Request, next: Next) -> Response {
    let right = needed(request.method());
    let asked = (request.method().clone(), request.uri().path().to_owned());
    let response = match refusal(&caller, right) {
        None => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
        Some(problem) => problem.into_response(),
    };
    if right != Right::Read {
        let ((method, path), status) = (asked, response.status().as_u16());
        // A path is what the caller made of it: it is quoted.
        info!(token = caller.name(), %method, ?path, status, "the management API was asked");
    }
    response
}

fn caller(keyring: &Keyring, headers: &HeaderMap) -> Result<Caller, Refusal> {
    bearer(headers).and_then(|offered| keyring.caller(offered)).ok_or_else(|| {
        let detail = "send a token of this host as `Authorization: Bearer TOKEN`; the first one is in the file \
                      `token` of its data directory";
        Refusal::new(&Kind::UNAUTHORIZED, detail)
    })
}

/// What a request needs: what is not known to change nothing is a change.
const fn needed(method: &Method) -> Right {
    match *method {
        Method::GET | Method::HEAD => Right::Read,
        Method::PUT => Right::Deploy,
        _ => Right::Operate,
    }
}

/// Why this caller may not do it, if it may not.
pub(super) fn refusal(caller: &Caller, right: Right) -> Option<Refusal> {
    if caller.may(right) {
        return None;
    }
    let detail = format!(
        "the token `{}` does not have the right `{right}`, which this needs; whoever runs the host can give it",
        caller.name()
    );
    Some(Refusal::new(&Kind::FORBIDDEN, detail))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(authorization: &[&'static str]) -> Result<String, u16> {
        let keyring = Keyring::new(&"ops all s3cret".parse().unwrap());
        let headers = authorization
            .iter()
            .map(|value| (AUTHORIZATION, HeaderValue::from_static(value)))
            .collect();
        caller(&keyring, &headers)
            .map(|caller| caller.name().to_owned())
            .map_err(|problem| problem.0.status)
    }

    #[test]
    fn only_the_token_itself_opens_the_door() {
        for fine in ["Bearer s3cret", "bearer s3cret"] {
            assert_eq!(check(&[fine]), Ok("ops".to_owned()), "{fine}");
        }
        for bad in [
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer S3CRET",
            "Bearer ",
            "Bearer",
            "Basic s3cret",
            "s3cret",
        ] {
            assert_eq!(check(&[bad]), Err(401), "{bad}");
        }
        assert_eq!(check(&[]), Err(401));
        assert_eq!(check(&["Bearer s3cret", "Bearer other"]), Err(401));
    }

    #[test]
    fn what_is_not_known_to_change_nothing_is_a_change() {
        for (method, right) in [
            ("GET", Right::Read),
            ("HEAD", Right::Read),
            ("PUT", Right::Deploy),
            ("POST", Right::Operate),
            ("DELETE", Right::Operate),
            ("PATCH", Right::Operate),
            ("WHATEVER", Right::Operate),
        ] {
            assert_eq!(needed(&method.parse().unwrap()), right, "{method}");
        }
    }

    #[test]
    fn a_right_that_is_missing_is_named() {
        let keyring = Keyring::new(&"ci deploy,read s3cret".parse().unwrap());
        let caller = keyring.caller("s3cret").unwrap();
        assert!(
            refusal(&caller, Right::Read).is_none() && refusal(&caller, Right::Deploy).is_none()
        );
        let problem = refusal(&caller, Right::Operate).unwrap();
        assert_eq!(problem.0.status, 403);
        assert_eq!(
            &*problem.0.detail,
            "the token `ci` does not have the right `operate`, which this needs; whoever runs the host can give it"
        );
    }
}
