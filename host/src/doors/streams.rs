//! Streams of runs: as events that a page can follow, or as the bytes themselves.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
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
/// chunks were asked for that are forgotten, and `end` that all is said. A client that is cut off goes on with
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
    let from = resumed(&headers)?.unwrap_or(from);
    let reader = engine.read_stream(run, name, from, follow.get()).await?;
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

/// The chunks, one behind the other. Where chunks are forgotten before they are read, the connection breaks: a
/// hole would not be seen.
fn raw(reader: StreamReader) -> impl Stream<Item = Result<Bytes, EngineError>> {
    pages(reader).map_ok(|(_, chunks)| {
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
        Bytes::from(bytes)
    })
}

/// Chunks as they are read, with the index that was to come first.
fn pages(reader: StreamReader) -> impl Stream<Item = Result<(u64, Vec<Chunk>), EngineError>> {
    stream::try_unfold(reader, |mut reader| async {
        let expected = reader.next_index();
        let read = reader.read().await?;
        Ok(read.map(|chunks| ((expected, chunks), reader)))
    })
}

/// The chunks as events, and one at the end.
fn events(reader: StreamReader) -> impl Stream<Item = Result<Event, EngineError>> {
    stream::try_unfold(Some(reader), |reader| async {
        let Some(mut reader) = reader else { return Ok(None) };
        let expected = reader.next_index();
        let (events, reader) = match reader.read().await? {
            Some(chunks) => (told(expected, chunks), Some(reader)),
            None => {
                let end = StreamEndView { next: expected, closed: reader.is_over() };
                (vec![event("end", &end)], None)
            }
        };
        Ok::<_, EngineError>(Some((stream::iter(events.into_iter().map(Ok)), reader)))
    })
    .try_flatten()
}

fn told(expected: u64, chunks: Vec<Chunk>) -> Vec<Event> {
    let first = chunks.first().map(|chunk| chunk.index).filter(|first| *first > expected);
    let skipped = first.map(|to| event("skipped", &SkippedView { from: expected, to }));
    let chunks = chunks.into_iter().map(|chunk| {
        let id = chunk.index.to_string();
        event("chunk", &view(chunk)).id(id)
    });
    skipped.into_iter().chain(chunks).collect()
}

fn event(kind: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("it is made of JSON values");
    Event::default().event(kind).data(data)
}

fn view(chunk: Chunk) -> ChunkView {
    let Chunk { index, at, step, bytes } = chunk;
    let (op, attempt) = step.map(|(op, attempt)| (op.0, attempt)).unzip();
    let (text, base64) = match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
    };
    ChunkView { index, at: when(at), op, attempt, text, base64 }
}
