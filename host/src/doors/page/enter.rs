//! Who may look: whoever has a login. A token opens one, or the link that the host prints when it starts.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
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
use crate::doors::tokens::{Caller, Right};

/// Who may have the cookie of a login: no script, and no page of another site.
const RULES: &str = "Path=/; HttpOnly; SameSite=Strict";

/// Where somebody goes who is in.
const FIRST: &str = "/";

/// Asks for a token.
#[derive(Template)]
#[template(path = "login.html")]
struct LoginForm {
    /// Where to go then.
    next: String,
    /// The code of the link, which needs no token.
    code: Option<String>,
    /// Why it is asked for again.
    error: Option<&'static str>,
}

/// Leads on from here, so that a browser sends the login that it did not send from elsewhere.
#[derive(Template)]
#[template(path = "onward.html")]
struct Onward {
    next: String,
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
    token: Option<String>,
    code: Option<String>,
    next: Option<String>,
}

/// Lets whoever has a login pass; the others are asked to log in.
pub(super) async fn check(State(page): State<Page>, request: Request, next: Next) -> Response {
    let Some(caller) = caller(&page, request.headers()) else {
        let wanted = request.uri().path_and_query().map_or(FIRST, |wanted| wanted.as_str());
        let is_from_elsewhere =
            request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        return match is_from_elsewhere {
            true => html(&Onward { next: local(Some(wanted.to_owned())) }),
            false => to_login(wanted),
        };
    };
    auth::pass(caller, request, next).await
}

/// `GET /login`: the form; with the code of the link, one that needs no token. To look at it spends nothing.
pub(super) async fn ask(Params(Asked { next, code }): Params<Asked>) -> Response {
    html(&LoginForm { next: local(next), code, error: None })
}

/// `POST /login`: a login for whoever has a token, or the code of the link.
pub(super) async fn open(State(page): State<Page>, request: Request) -> Result<Response, Refusal> {
    let origin = request.headers().get(ORIGIN);
    let is_secure = origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    let Sent { token, code, next } = form::read(&page, request).await?;
    let next = local(next);
    let (caller, error) = match code {
        Some(code) if page.logins.take_link(&code, Page::now()) => (page.keyring.first(), ""),
        Some(_) => (None, "This link was used, or is too old. Log in with a token."),
        None => {
            let caller = page.keyring.caller(token.unwrap_or_default().trim());
            (caller, "This is no token of this host.")
        }
    };
    match caller {
        Some(caller) if caller.may(Right::Read) => enter(&page, &caller, &next, is_secure),
        Some(_) => {
            Ok(again(next, "This token does not have the right `read`, which the page needs."))
        }
        None => Ok(again(next, error)),
    }
}

/// Asks once more.
fn again(next: String, error: &'static str) -> Response {
    let form = LoginForm { next, code: None, error: Some(error) };
    (StatusCode::UNAUTHORIZED, html(&form)).into_response()
}

/// `POST /logout`: the browser forgets its login.
pub(super) async fn close(State(page): State<Page>) -> Response {
    let forget = format!("{}=; {RULES}; Max-Age=0", page.logins.name());
    ([(SET_COOKIE, forget)], Redirect::to("/login")).into_response()
}

/// Opens a login, and leads on. The browser sends it over TLS only where it came so.
fn enter(page: &Page, caller: &Caller, next: &str, is_secure: bool) -> Result<Response, Refusal> {
    let gone = || Refusal::new(&Kind::UNAUTHORIZED, "the token was taken away just now");
    let login = page.logins.open(&page.keyring, caller, Page::now()).ok_or_else(gone)?;
    let secure = if is_secure { "; Secure" } else { "" };
    let (name, age) = (page.logins.name(), LOGIN.as_secs());
    let cookie = format!("{name}={login}; {RULES}; Max-Age={age}{secure}");
    info!(token = caller.name(), "somebody has opened the page");
    Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

fn to_login(wanted: &str) -> Response {
    let next = vec![("next".to_owned(), wanted.to_owned())];
    Redirect::to(&path_and_query("/login", next)).into_response()
}

fn caller(page: &Page, headers: &HeaderMap) -> Option<Caller> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';'));
    let named = |cookie: &str| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == page.logins.name()).then(|| value.to_owned())
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
