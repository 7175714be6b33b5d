//! Reading the body of a request, bounded in size, in time, and in what all bodies together take.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use bytes::Bytes;
use futures::StreamExt;
use segno_journal::{MAX_NESTING, is_too_nested};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::doors::bodies::{Bodies, Held};
use crate::doors::duration::parse_duration;
use crate::doors::refusal::{Kind, Refusal};

/// How many bytes beyond the limit are read and dropped, so that a client that sends its body
/// before it reads gets the answer and not a reset connection.
const MAX_DISCARDED: usize = 8 << 20;

/// How much a body may hold, and how long it may take to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// In bytes.
    pub(super) size: usize,
    /// From the first byte to the last. A sender that drips its body holds a connection no longer.
    pub(super) time: Duration,
}

/// Reads the whole body. What it holds of the room is to be kept until the request is answered.
///
/// # Errors
///
/// 413 over the size, 408 over the time, 400 where the sender broke off, 503 where there is no room.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    bounds: Bounds,
    bodies: &Bodies,
) -> Result<(Bytes, Held), Refusal> {
    // A sender that asks first has not sent anything yet, so it need not send what is too large.
    if headers.contains_key(EXPECT) && body.size_hint().lower() > bounds.size as u64 {
        return Err(too_large(bounds.size));
    }
    tokio::time::timeout(bounds.time, collect(body, bounds.size, bodies)).await.unwrap_or_else(
        |_| {
            let seconds = bounds.time.as_secs();
            Err(Refusal::new(
                &Kind::SLOW_BODY,
                format!("the body was not complete after {seconds} seconds"),
            ))
        },
    )
}

/// Reads a body that is a JSON object. An empty one is the default.
///
/// # Errors
///
/// As [`read`]; 415 where it is not declared as JSON, 400 where it is not the JSON that is
/// expected.
pub(super) async fn json<T: DeserializeOwned + Default>(
    request: Request,
    bounds: Bounds,
    bodies: &Bodies,
) -> Result<(T, Held), Refusal> {
    let (said, held) = object(request, bounds, bodies).await?;
    Ok((said.unwrap_or_default(), held))
}

/// The same, where an empty one says too little.
///
/// # Errors
///
/// As [`json`].
pub(super) async fn needed<T: DeserializeOwned>(
    request: Request,
    bounds: Bounds,
    bodies: &Bodies,
) -> Result<(T, Held), Refusal> {
    let (said, held) = object(request, bounds, bodies).await?;
    Ok((said.ok_or_else(not_json)?, held))
}

/// Reads a body that is a JSON object, if it is not empty.
async fn object<T: DeserializeOwned>(
    request: Request,
    bounds: Bounds,
    bodies: &Bodies,
) -> Result<(Option<T>, Held), Refusal> {
    let (parts, body) = request.into_parts();
    let (bytes, held) = read(&parts.headers, body, bounds, bodies).await?;
    if bytes.is_empty() {
        return Ok((None, held));
    }
    said_to_be_json(&parts.headers)?;
    let value = serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::new(&Kind::MALFORMED_JSON, format!("the body cannot be used: {error}"))
    })?;
    // A struct can also be read from an array of its fields, which is nothing to begin with here.
    if bytes.trim_ascii_start().starts_with(b"{") {
        Ok((Some(value), held))
    } else {
        Err(Refusal::new(&Kind::MALFORMED_JSON, "the body cannot be used: it is not a JSON object"))
    }
}

/// A duration that stands in a body under this name, if one does.
pub(super) fn duration(name: &str, text: Option<&str>) -> Result<Option<Duration>, Refusal> {
    text.map(parse_duration)
        .transpose()
        .map_err(|error| Refusal::new(&Kind::MALFORMED_JSON, format!("`{name}`: {error}")))
}

/// Reads a body that is any JSON value, and gives it as it was written. An empty one is `null`.
///
/// # Errors
///
/// As [`read`]; 415 where it is not declared as JSON, 400 where it is none or is nested too deep.
pub(super) async fn value(
    request: Request,
    bounds: Bounds,
    bodies: &Bodies,
) -> Result<(String, Held), Refusal> {
    let (parts, body) = request.into_parts();
    let (bytes, held) = read(&parts.headers, body, bounds, bodies).await?;
    if bytes.is_empty() {
        return Ok(("null".to_owned(), held));
    }
    said_to_be_json(&parts.headers)?;
    let value: Box<RawValue> = serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::new(&Kind::MALFORMED_JSON, format!("the body is no JSON: {error}"))
    })?;
    not_too_nested(&value, "the body")?;
    Ok((<Box<str>>::from(value).into_string(), held))
}

/// Refuses JSON that is nested so deep that not all could read it.
pub(super) fn not_too_nested(value: &RawValue, what: &str) -> Result<(), Refusal> {
    if is_too_nested(value.get()) {
        let detail = format!("{what} is nested more than {MAX_NESTING} levels deep");
        return Err(Refusal::new(&Kind::MALFORMED_JSON, detail));
    }
    Ok(())
}

fn not_json() -> Refusal {
    Refusal::new(&Kind::NOT_JSON, "send the body with `Content-Type: application/json`")
}

async fn collect(body: Body, limit: usize, bodies: &Bodies) -> Result<(Bytes, Held), Refusal> {
    let mut chunks = body.into_data_stream();
    let mut collected = Vec::new();
    let mut held = Held::default();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            Refusal::new(
                &Kind::BROKEN_BODY,
                format!("the body broke off after {size} bytes: {error}"),
            )
        })?;
        size += chunk.len();
        if size <= limit {
            bodies.take(&mut held, chunk.len())?;
            collected.extend_from_slice(&chunk);
        } else if size > limit.saturating_add(MAX_DISCARDED) {
            break;
        }
    }
    if size > limit { Err(too_large(limit)) } else { Ok((collected.into(), held)) }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        &Kind::TOO_LARGE,
        format!("the body is larger than the {limit} bytes that are allowed"),
    )
}

/// True for `application/json` and `application/…+json`, whatever their parameters.
fn said_to_be_json(headers: &HeaderMap) -> Result<(), Refusal> {
    if is_json(headers) { Ok(()) } else { Err(not_json()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use futures::stream;
    use serde_json::Value;

    use super::*;

    const BOUNDS: Bounds = Bounds { size: 16, time: Duration::from_secs(60) };

    fn request(content_type: &'static str, body: impl Into<Body>) -> Request {
        let mut request = Request::new(body.into());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        request
    }

    async fn refusal(request: Request) -> (u16, String) {
        let problem = json::<Value>(request, BOUNDS, &Bodies::new()).await.unwrap_err();
        (problem.0.status, problem.0.detail.into())
    }

    async fn value(request: Request) -> Value {
        json(request, BOUNDS, &Bodies::new()).await.unwrap().0
    }

    #[tokio::test]
    async fn json_is_read_whatever_its_media_type_is_called() {
        for media_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"]
        {
            assert_eq!(value(request(media_type, r#"{"a":1}"#)).await, serde_json::json!({"a": 1}));
        }
    }

    #[tokio::test]
    async fn an_empty_body_is_the_default() {
        assert_eq!(value(Request::new(Body::empty())).await, Value::Null);
    }

    #[tokio::test]
    async fn what_is_not_declared_as_json_is_415() {
        for media_type in
            ["text/plain", "text/json", "application/x-www-form-urlencoded", "jsonlines"]
        {
            assert_eq!(refusal(request(media_type, "{}")).await.0, 415, "{media_type}");
        }
        assert_eq!(refusal(Request::new("{}".into())).await.0, 415);
    }

    #[tokio::test]
    async fn malformed_json_is_400_and_says_where() {
        let (status, detail) = refusal(request("application/json", "{\"input\": ")).await;
        assert_eq!(status, 400);
        assert_eq!(
            detail,
            "the body cannot be used: EOF while parsing a value at line 1 column 10"
        );
    }

    #[tokio::test]
    async fn a_body_over_the_size_is_413_even_if_its_size_was_not_declared() {
        let chunks = stream::iter([Ok::<_, std::io::Error>("0123456789"), Ok("0123456789")]);
        for body in [Body::from("01234567890123456789"), Body::from_stream(chunks)] {
            let (status, detail) = refusal(request("application/json", body)).await;
            assert_eq!(status, 413);
            assert_eq!(detail, "the body is larger than the 16 bytes that are allowed");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_read_for_ever() {
        let endless =
            stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536])));
        assert_eq!(refusal(request("application/json", Body::from_stream(endless))).await.0, 413);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_408() {
        let bounds = Bounds { time: Duration::ZERO, ..BOUNDS };
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let problem = read(&HeaderMap::new(), silent, bounds, &Bodies::new()).await.unwrap_err();
        assert_eq!(problem.0.status, 408);
    }

    #[tokio::test]
    async fn a_body_for_which_there_is_no_room_is_503_and_takes_none() {
        let bodies = Bodies::of(20);
        let body = |text: &'static str| read_with(Body::from(text), bodies.clone());
        let first = body("0123456789").await.unwrap();
        let chunks = stream::iter(["01234", "56789", "0"].map(Ok::<_, std::io::Error>));
        let problem = read_with(Body::from_stream(chunks), bodies.clone()).await.unwrap_err();
        assert_eq!(problem.0.status, 503);
        let second = body("0123456789").await.unwrap();
        drop((first, second));
        body("0123456789").await.unwrap();
    }

    async fn read_with(body: Body, bodies: Bodies) -> Result<(Bytes, Held), Refusal> {
        read(&HeaderMap::new(), body, BOUNDS, &bodies).await
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_400() {
        let broken =
            Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
        let (status, detail) = refusal(request("application/json", broken)).await;
        assert_eq!(status, 400);
        assert!(detail.starts_with("the body broke off after 0 bytes"), "{detail}");
    }
}
