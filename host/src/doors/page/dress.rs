//! What is the same for all that the page answers: what a browser may do with it, from where a change may come, and how
//! a refusal looks.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use segno_api::Problem;

use crate::doors::refusal::{Kind, Refusal};

/// What a browser may load, and from where: from this host, and no script or style that stands in the text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How long a refusal may be, in bytes.
const REFUSAL: usize = 1 << 20;

/// A refusal, as a page.
#[derive(Template)]
#[template(path = "refusal.html")]
struct Refused {
    title: String,
    detail: String,
    status: u16,
}

/// Lets a request pass that may have an effect, and dresses the answer.
pub(super) async fn dress(request: Request, next: Next) -> Response {
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if is_change && !is_from_here(request.headers()) {
        let detail = "open the page at the address that the host has for you; what stands in between has to pass the \
                      header Host on";
        Refusal::new(&Kind::FOREIGN_FORM, detail).into_response()
    } else {
        next.run(request).await
    };
    if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == Problem::MEDIA_TYPE) {
        response = as_page(response).await;
    }
    let headers = response.headers_mut();
    let set = |headers: &mut HeaderMap, name: HeaderName, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(headers, CONTENT_SECURITY_POLICY, POLICY);
    set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    // With none at all, browsers would not say of a form from where it comes.
    set(headers, REFERRER_POLICY, "same-origin");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if !headers.contains_key(CACHE_CONTROL) {
        set(headers, CACHE_CONTROL, "no-store");
    }
    response
}

/// Whether a change was asked for by this page itself. A browser says from where one comes, and no script can change
/// that. The scheme is not looked at: what ends TLS may stand before the host.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else { return false };
    let origin = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    origin.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// The same refusal for people.
async fn as_page(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, REFUSAL).await.unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&bytes).ok();
    let (title, detail) = problem.map_or_else(Default::default, |problem| {
        (problem.title.into_owned(), problem.detail.into_string())
    });
    let refused = Refused { title, detail, status: parts.status.as_u16() };
    parts.headers.remove(CONTENT_TYPE);
    (parts.status, parts.headers, html(&refused)).into_response()
}

/// A template, filled in.
pub(super) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        // Only what it is filled with could refuse to be written, and texts do not.
        Err(error) => Html(error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(origin: Option<&'static str>, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        is_from_here(&headers)
    }

    #[test]
    fn a_change_comes_from_the_page_itself() {
        for fine in ["http://localhost:7878", "https://localhost:7878", "http://LOCALHOST:7878"] {
            assert!(is_taken(Some(fine), "localhost:7878"), "{fine}");
        }
        for foreign in [
            None,
            Some("null"),
            Some("http://localhost"),
            Some("http://localhost:7879"),
            Some("http://evil.example"),
            Some("http://localhost:7878.evil.example"),
            Some("ftp://localhost:7878"),
            Some("localhost:7878"),
        ] {
            assert!(!is_taken(foreign, "localhost:7878"), "{foreign:?}");
        }
    }
}
