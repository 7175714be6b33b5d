//! Streams of runs: as events that a page can follow, or as the bytes themselves.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use segno_api::{ChunkView, Problem, SkippedView, StreamEndView, StreamList, when};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::doors::params::{Flag, Params, RunAndName, RunPath};
use crate::doors::refusal::{Kind, Refusal};
use crate::engine::{Chunk, Engine, EngineError, StreamReader};

/// The header that says which chunk comes behind what was given.
const NEXT: HeaderName = HeaderName::from_static("segno-next");

/// The header by which a client that was cut off says what it had.
const LAST_EVENT_ID: &str = "last-event-id";

/// Lists the streams of a run: where each begins and ends.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/streams",
    operation_id = "listStreams",
    tag = "runs",
    params(("id" = String, Path, description = "The ID of the run")),
    responses(
        (status = 200, description = "The streams of the run", body = StreamList),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
) -> Result<Json<StreamList>, Refusal> {
    Ok(Json(StreamList { streams: engine.streams(run).await? }))
}

/// Which part of a stream to give.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadParams {
    /// The index of the first chunk, from 0; below zero it counts from the end.
    #[serde(default)]
    from: i64,
    /// Go on with what is written, until the stream is closed or the run has ended.
    #[serde(default)]
    #[param(value_type = Option<bool>, default = false)]
    follow: Flag,
}

/// Reads a stream of a run, and reads along with `follow`.
///
/// With `Accept: text/event-stream` each chunk is an event `chunk`, whose ID is its index; `skipped` says that
/// chunks were asked for that are forgotten, `end` that all is said, and `error` why no more can be said. A client that is cut off goes on with
/// `Last-Event-ID`, which browsers send. Otherwise the chunks come one behind the other as bytes.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/streams/{name}",
    operation_id = "readStream",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The ID of the run"),
        ("name" = String, Path, description = "The name of the stream"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The index of the last chunk that the client has"),
        ReadParams,
    ),
    responses(
        (status = 200, description = "What is in the stream; without `follow`, the header `Segno-Next` says which \
         index comes next", content((ChunkView = "text/event-stream"), (Vec<u8> = "application/octet-stream"))),
        (status = 204, description = "The client has all of a stream to which nothing more comes"),
        (status = 400, description = "The ID, the name or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run, or it has no such stream: then the detail says which it \
         has", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "As many requests wait as the host has room for", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(
    State(engine): State<Engine>,
    RunAndName(run, name): RunAndName,
    Params(ReadParams { from, follow }): Params<ReadParams>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let resumes = resumed(&headers)?;
    let reader = engine.read_stream(run, name, resumes.unwrap_or(from), follow.get()).await?;
    if resumes.is_some() && reader.is_over() && reader.next_index() >= reader.end() {
        // A browser comes again after each end, but for this.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let as_events = headers.get_all(ACCEPT).iter().any(names_events);
    let next = reader.until().map(HeaderValue::from);
    let mut response = match as_events {
        true => Sse::new(events(reader)).keep_alive(KeepAlive::default()).into_response(),
        false => {
            let body = Body::from_stream(raw(reader));
            ([(CONTENT_TYPE, "application/octet-stream")], body).into_response()
        }
    };
    if let Some(next) = next {
        response.headers_mut().insert(NEXT, next);
    }
    Ok(response)
}

fn names_events(accept: &HeaderValue) -> bool {
    accept.to_str().is_ok_and(|accept| accept.contains("text/event-stream"))
}

/// The index that comes behind the last one that the client has.
fn resumed(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let last = last.to_str().ok().and_then(|last| last.parse::<i64>().ok());
    match last.filter(|last| *last >= 0) {
        Some(last) => Ok(Some(last.saturating_add(1))),
        None => {
            let detail = "`Last-Event-ID` is not the index of a chunk, which are counted from 0";
            Err(Refusal::new(&Kind::BAD_QUERY, detail))
        }
    }
}

/// The chunks, one behind the other, from the oldest that is kept. Where others are forgotten before they are
/// read, the connection breaks: a hole would not be seen.
fn raw(reader: StreamReader) -> impl Stream<Item = Result<Bytes, EngineError>> {
    stream::try_unfold((reader, true), |(mut reader, is_first)| async move {
        let expected = reader.next_index();
        let read = reader.read().await?;
        let found = read.as_ref().and_then(|chunks| chunks.first()).map(|chunk| chunk.index);
        let found = found.or_else(|| reader.until());
        if !is_first && found.is_some_and(|found| found > expected) {
            return Err(EngineError::ForgottenChunks);
        }
        let bytes = read.map(|chunks| chunks.into_iter().flat_map(|chunk| chunk.bytes));
        Ok(bytes.map(|bytes| (Bytes::from_iter(bytes), (reader, false))))
    })
}

/// The chunks as events, and one at the end.
fn events(reader: StreamReader) -> impl Stream<Item = Result<Event, Infallible>> {
    let pages = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        let expected = reader.next_index();
        match reader.read().await {
            Ok(Some(chunks)) => Some((told(expected, chunks, Vec::new()), Some(reader))),
            Ok(None) => Some((told(expected, Vec::new(), ending(&reader)), None)),
            Err(error) => {
                tracing::warn!(%error, "a stream cannot be read any further");
                let end = event("error", &Refusal::whole(&error).0);
                Some((told(expected, Vec::new(), vec![end]), None))
            }
        }
    });
    pages.flat_map(|events| stream::iter(events.map(Ok)))
}

/// What stands at the end; before it, what was to be given and is forgotten.
fn ending(reader: &StreamReader) -> Vec<Event> {
    let expected = reader.next_index();
    let gone = reader.until().filter(|until| *until > expected);
    let next = gone.unwrap_or(expected).min(reader.end());
    let end = event("end", &StreamEndView { next, closed: reader.is_over() });
    gone.map(|to| skipped(expected, to)).into_iter().chain([end]).collect()
}

/// Chunks as events, each made when it is taken, and what comes behind them.
fn told(expected: u64, chunks: Vec<Chunk>, last: Vec<Event>) -> impl Iterator<Item = Event> {
    let first = chunks.first().map(|chunk| chunk.index).filter(|first| *first > expected);
    let gone = first.map(|to| skipped(expected, to));
    let chunks = chunks.into_iter().map(|chunk| {
        let id = chunk.index.to_string();
        event("chunk", &view(chunk)).id(id)
    });
    gone.into_iter().chain(chunks).chain(last)
}

fn skipped(from: u64, to: u64) -> Event {
    event("skipped", &SkippedView { from, to })
}

fn event(kind: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("it is made of JSON values");
    Event::default().event(kind).data(data)
}

fn view(chunk: Chunk) -> ChunkView {
    let Chunk { index, at, step, begun, bytes } = chunk;
    let (op, attempt) = step.map(|(op, attempt)| (op.0, attempt)).unzip();
    let begun_at = attempt.map(|_| when(begun));
    let (text, base64) = match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
    };
    ChunkView { index, at: when(at), op, attempt, begun_at, text, base64 }
}
