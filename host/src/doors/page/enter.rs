//! Who may look: whoever has a login. A token opens one, or the link that the host prints when it starts.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::info;

use crate::doors::auth;
use crate::doors::page::dress::html;
use crate::doors::page::filter::path_and_query;
use crate::doors::page::form;
use crate::doors::page::logins::LOGIN;
use crate::doors::page::state::Page;
use crate::doors::params::Params;
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::tokens::Caller;

/// What the browser calls the login.
const NAME: &str = "segno_login";

/// Where somebody goes who is in.
const FIRST: &str = "/";

/// Asks for a token.
#[derive(Template)]
#[template(path = "login.html")]
struct LoginForm {
    /// Where to go then.
    next: String,
    /// Why it is asked for again.
    error: Option<&'static str>,
}

/// Where a login leads, and the code of a link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    next: Option<String>,
    code: Option<String>,
}

/// What somebody sends to log in.
#[derive(Deserialize)]
struct Sent {
    token: String,
    next: Option<String>,
}

/// Lets whoever has a login pass; the others are asked to log in.
pub(super) async fn check(State(page): State<Page>, request: Request, next: Next) -> Response {
    let Some(caller) = caller(&page, request.headers()) else {
        let wanted = request.uri().path_and_query().map_or(FIRST, |wanted| wanted.as_str());
        return to_login(wanted);
    };
    auth::pass(caller, request, next).await
}

/// `GET /login`: the form; or, with the code of the link, a login.
pub(super) async fn ask(
    State(page): State<Page>,
    Params(Asked { next, code }): Params<Asked>,
) -> Result<Response, Refusal> {
    let next = local(next);
    let Some(code) = code else { return Ok(html(&LoginForm { next, error: None })) };
    let first = page.keyring.first().filter(|_| page.logins.take_link(&code, Page::now()));
    match first {
        Some(caller) => enter(&page, &caller, &next, false),
        None => {
            let error = "This link was used, or is too old. Log in with a token.";
            Ok(html(&LoginForm { next, error: Some(error) }))
        }
    }
}

/// `POST /login`: a login for whoever has a token.
pub(super) async fn open(State(page): State<Page>, request: Request) -> Result<Response, Refusal> {
    let origin = request.headers().get(ORIGIN);
    let is_secure = origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    let Sent { token, next } = form::read(&page, request).await?;
    let next = local(next);
    match page.keyring.caller(token.trim()) {
        Some(caller) => enter(&page, &caller, &next, is_secure),
        None => {
            let error = Some("This is no token of this host.");
            Ok((StatusCode::UNAUTHORIZED, html(&LoginForm { next, error })).into_response())
        }
    }
}

/// `POST /logout`: the browser forgets its login.
pub(super) async fn close() -> Response {
    let forget = format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let cookie = HeaderValue::from_str(&forget);
    let cookie = cookie.unwrap_or(HeaderValue::from_static(""));
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, HeaderValue::from_static("/login"))])
        .into_response()
}

/// Opens a login, and leads on. The browser sends it over TLS only where it came so.
fn enter(page: &Page, caller: &Caller, next: &str, is_secure: bool) -> Result<Response, Refusal> {
    let gone = || Refusal::new(&Kind::UNAUTHORIZED, "the token was taken away just now");
    let login = page.logins.open(&page.keyring, caller, Page::now()).ok_or_else(gone)?;
    let secure = if is_secure { "; Secure" } else { "" };
    let age = LOGIN.as_secs();
    let cookie =
        format!("{NAME}={login}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_not_ascii| gone());
    info!(token = caller.name(), "somebody has opened the page");
    Ok((StatusCode::SEE_OTHER, [(SET_COOKIE, header(&cookie)?), (LOCATION, header(next)?)])
        .into_response())
}

fn to_login(wanted: &str) -> Response {
    let login = path_and_query("/login", vec![("next".to_owned(), wanted.to_owned())]);
    let location = HeaderValue::from_str(&login);
    let location = location.unwrap_or(HeaderValue::from_static("/login"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn caller(page: &Page, headers: &HeaderMap) -> Option<Caller> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';'));
    let named = |cookie: &str| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == NAME).then(|| value.to_owned())
    };
    cookies.find_map(|cookie| page.logins.caller(&page.keyring, &named(cookie)?, Page::now()))
}

/// A path of this host; the first one where it is none. What a browser takes for another host is none.
fn local(next: Option<String>) -> String {
    let is_local = |next: &String| {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        next.starts_with('/') && !next.starts_with("//") && next.bytes().all(is_plain)
    };
    next.filter(is_local).unwrap_or_else(|| FIRST.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_this_host_alone() {
        for fine in ["/", "/runs?status=failed&workflow=a", "/runs/run_1"] {
            assert_eq!(local(Some(fine.to_owned())), fine);
        }
        for foreign in [
            "",
            "runs",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/runs\r\nX: y",
        ] {
            assert_eq!(local(Some(foreign.to_owned())), FIRST, "{foreign:?}");
        }
        assert_eq!(local(None), FIRST);
    }
}
