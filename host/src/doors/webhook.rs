//! The public listener: calls of webhooks, and nothing else.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::{
    ALLOW, ALT_SVC, CONNECTION, CONTENT_LENGTH, COOKIE, DATE, HeaderMap, HeaderName, HeaderValue,
    SERVER, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{MethodRouter, get};
use segno_journal::{Request, Response};
use tracing::error;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::cookies::{is_login, without_logins};
use crate::doors::metrics;
use crate::doors::params::Segment;
use crate::doors::refusal::{Kind, Refusal};
use crate::engine::{self, EngineError, Reply, Supervisor, WEBHOOK_PATH};

/// What the body of a call may have, in bytes, where nothing else is configured: it is kept in the
/// journal and in the memory of the workflow.
pub const DEFAULT_MAX_BODY: usize = 1 << 20;

/// The methods that the public listener knows.
const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";

/// How long the body of a call may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The public listener's routes on an engine; bodies over `max_body` bytes are refused.
pub fn webhooks(current: Supervisor, max_body: usize) -> Router {
    let state = Door {
        current: current.clone(),
        body: Bounds { size: max_body, time: BODY_TIME },
        bodies: Bodies::new(),
    };
    let router = Router::new()
        .route(&format!("{WEBHOOK_PATH}{{token}}"), calls().head(probe).options(options))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .with_state(state);
    metrics::counted(router, current, engine::Door::Webhooks)
}

#[derive(Clone)]
struct Door {
    current: Supervisor,
    body: Bounds,
    bodies: Bodies,
}

/// The methods that are calls. The others do not reach a workflow: a browser, a proxy or whoever makes
/// a preview of a link sends them by itself, and no run is to go on for that.
fn calls() -> MethodRouter<Door> {
    get(call).post(call).put(call).patch(call).delete(call)
}

/// Says whether there is such a webhook, without calling it.
async fn probe(State(door): State<Door>, Segment(token): Segment) -> Result<StatusCode, Refusal> {
    let found = door.current.engine().probe_webhook(&token).await;
    found.map(|()| StatusCode::OK).map_err(|error| refused(&error))
}

/// Says which methods there are, whatever the token. A page of another origin is not let in: what it
/// asks for with this method first is not granted.
async fn options() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(ALLOW, METHODS)])
}

/// Hands a call to its run, and the run's answer to the caller.
async fn call(
    State(door): State<Door>,
    Segment(token): Segment,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    // What has arrived counts, though its caller hangs up in this moment.
    let (reply, respond_timeout) = engine::to_the_end(store(door, token, request)).await?;
    let (answer, _place) = match reply {
        Reply::Now(response) => return outgoing(response),
        Reply::Later(answer, place) => (answer, place),
    };
    match tokio::time::timeout(respond_timeout, answer).await {
        Ok(Ok(Ok(response))) => outgoing(response),
        Ok(Ok(Err(ended))) => Err(refused(&ended)),
        // Nobody has answered yet, or the host stops. The call is stored.
        Err(_) | Ok(Err(_)) => outgoing(Response::accepted()),
    }
}

/// Reads a call whole and delivers it. Says who will answer, and how long the caller may wait for it.
async fn store(
    door: Door,
    token: String,
    request: HttpRequest,
) -> Result<(Reply, Duration), Refusal> {
    let (parts, body) = request.into_parts();
    let engine = door.current.engine();
    // Before the body is read: strangers get no room for it.
    let found = engine.find_webhook(&token).await.map_err(|error| refused(&error))?;
    let (body, _held) = body::read(&parts.headers, body, door.body, &door.bodies).await?;
    let request = Request {
        number: 0,
        method: parts.method.as_str().to_owned(),
        url: path_and_query(&parts.uri),
        headers: texts(&parts.headers),
        body: body.into(),
    };
    let called = engine.call_found_webhook(found, request).await;
    let reply = called.map_err(|error| refused(&error))?;
    Ok((reply, engine.config().respond_timeout))
}

async fn unknown_route(uri: Uri) -> Refusal {
    Refusal::new(
        &Kind::UNKNOWN_ROUTE,
        format!("there is nothing at {}; only webhooks are served here", uri.path()),
    )
}

async fn unknown_method(method: Method) -> Refusal {
    let detail = format!("a webhook is not called with {method}; the Allow header says how it is");
    Refusal::new(&Kind::UNKNOWN_METHOD, detail)
}

/// What the public is told, while those who run the host find the whole of it in the log.
fn refused(cause: &EngineError) -> Refusal {
    if let EngineError::Store(store) = cause {
        error!(error = %store, "a call of a webhook could not be stored");
    }
    Refusal::public(cause)
}

fn path_and_query(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

/// The headers whose values are text, in the order of arrival; hyper has put the names in lower
/// case.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = str::from_utf8(value.as_bytes()).ok()?;
        let value = match *name {
            COOKIE => without_logins(value)?,
            _ => value.to_owned(),
        };
        Some((name.as_str().to_owned(), value))
    };
    headers.iter().filter_map(text).collect()
}

/// A workflow's response as HTTP allows it: what cannot be sent is left out, and a status that no
/// response may have is an error of the workflow's that its caller is told.
fn outgoing(response: Response) -> Result<HttpResponse, Refusal> {
    let status = StatusCode::from_u16(response.status)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .ok_or_else(|| {
            let detail = format!(
                "the workflow answered with status {}; it may be 200 to 599",
                response.status
            );
            Refusal::new(&Kind::BAD_RESPONSE, detail)
        })?;
    let body = if allows_body(status) { Body::from(response.body) } else { Body::empty() };
    let mut headers = end_to_end(&response.headers);
    // What a workflow sends is what it says it is, and no script because it looks like one.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok((status, headers, body).into_response())
}

const fn allows_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The headers that go to the caller: those that belong to the connection or to the whole of the
/// server are not the workflow's, and those that are no headers are dropped.
fn end_to_end(headers: &[(String, String)]) -> HeaderMap {
    let parsed = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        let is_login = name == SET_COOKIE && value.to_str().is_ok_and(is_login);
        (!is_of_the_server(&name) && !is_login).then_some((name, value))
    });
    let mut map = HeaderMap::new();
    for (name, value) in parsed {
        // The map refuses what is beyond its capacity; the rest of the response is still of use.
        let _ = map.try_append(name, value);
    }
    map
}

/// Whether a header is about the connection, or about more than this one answer: all webhooks of all
/// workflows are at one origin, and none of them speaks for the others.
fn is_of_the_server(name: &HeaderName) -> bool {
    const OF_THE_CONNECTION: [HeaderName; 6] =
        [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    const OF_THE_ORIGIN: [HeaderName; 4] = [ALT_SVC, DATE, SERVER, STRICT_TRANSPORT_SECURITY];
    const UNNAMED: [&str; 4] =
        ["clear-site-data", "keep-alive", "proxy-connection", "service-worker-allowed"];
    OF_THE_CONNECTION.contains(name)
        || OF_THE_ORIGIN.contains(name)
        || UNNAMED.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Response { status, headers, body: b"body".to_vec() }
    }

    #[test]
    fn a_status_that_no_response_may_have_is_500_and_says_so() {
        for status in [0, 99, 100, 101, 199, 600, 999, u16::MAX] {
            let problem = outgoing(response(status, &[])).unwrap_err();
            assert_eq!(problem.0.status, 500);
            assert!(
                problem.0.detail.contains(&format!("status {status};")),
                "{}",
                problem.0.detail
            );
        }
        for status in [200, 201, 204, 302, 404, 418, 500, 599] {
            assert_eq!(outgoing(response(status, &[])).unwrap().status().as_u16(), status);
        }
    }

    #[test]
    fn what_belongs_to_the_server_or_is_no_header_is_left_out() {
        let sent = outgoing(response(
            200,
            &[
                ("Content-Type", "text/plain"),
                ("Set-Cookie", "a=1"),
                ("set-cookie", "b=2"),
                ("X-Größe", "1"),
                ("x-split", "a\r\nx-injected: 1"),
                ("x-utf8", "grüß"),
                ("Connection", "upgrade"),
                ("Keep-Alive", "timeout=5"),
                ("Transfer-Encoding", "chunked"),
                ("Content-Length", "9999"),
                ("Upgrade", "websocket"),
                ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
                ("Server", "another"),
                ("Alt-Svc", "h2=\"elsewhere\""),
                ("Strict-Transport-Security", "max-age=1"),
                ("Clear-Site-Data", "*"),
                ("Service-Worker-Allowed", "/"),
                ("X-Content-Type-Options", "sniff"),
                ("Access-Control-Allow-Origin", "*"),
            ],
        ))
        .unwrap();
        let names: Vec<_> =
            sent.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(
            names,
            [
                ("content-type", "text/plain".as_bytes()),
                ("set-cookie", b"a=1"),
                ("set-cookie", b"b=2"),
                ("x-utf8", "grüß".as_bytes()),
                ("x-content-type-options", b"nosniff"),
                ("access-control-allow-origin", b"*"),
            ]
        );
    }

    #[test]
    fn headers_that_are_not_text_do_not_reach_the_workflow() {
        let mut headers = HeaderMap::new();
        headers.append("X-Text", HeaderValue::from_static("plain"));
        headers.append("X-Utf8", HeaderValue::from_bytes("grüß".as_bytes()).unwrap());
        headers.append("X-Bytes", HeaderValue::from_bytes(&[0xff]).unwrap());
        let texts = texts(&headers);
        assert_eq!(texts, [("x-text".into(), "plain".into()), ("x-utf8".into(), "grüß".into())]);
    }
}
