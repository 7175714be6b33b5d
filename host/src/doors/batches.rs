//! Batches: several starts and signals that are all stored, or none of them.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use segno_api::{BatchRequest, BatchSignal, BatchStart, Batched, Problem};
use segno_journal::RunId;

use crate::doors::bodies::Bodies;
use crate::doors::body::{self, Bounds};
use crate::doors::refusal::Refusal;
use crate::doors::workflows::{
    ENVELOPE, idempotency_key, new_run, payload_of_signal, times, values,
};
use crate::engine::{Engine, NewBatch, NewRun, NewSignal, StartInBatch};

/// How large a batch may be, in bytes; and each larger input that a host takes fits.
const MAX_BATCH: usize = 16 << 20;

/// How long the body of a batch may take to come.
const BODY_TIME: Duration = Duration::from_secs(60);

/// Starts runs and sends signals: all of that is stored, or nothing. The answer comes when it is on disk.
///
/// The runs have not had their first turn then, so one whose input its workflow cannot take fails. A batch has at
/// most 1,000 starts and signals. With an `Idempotency-Key`, a batch that is sent again is stored once: the answer
/// is what came of the first one.
#[utoipa::path(
    post,
    path = "/v1/batch",
    operation_id = "sendBatch",
    tag = "runs",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A batch with the same key is stored once"),
    ),
    request_body = BatchRequest,
    responses(
        (status = 201, description = "All of it is stored", body = Batched),
        (status = 200, description = "The key is known: this is what came of the batch", body = Batched),
        (status = 400, description = "The body, a part of it or a key cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such workflow or run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "A run that is sent a signal has ended; or that of the key of a start \
         has not, and `if_running` is `refuse`", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body, or a part of it, is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The key came with another batch, or that of a start with another input",
         body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "A workflow has not taken what was sent before", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take it now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn send(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let key = idempotency_key(request.headers())?;
    let largest = engine.config().limits.payload.saturating_add(ENVELOPE);
    let bounds = Bounds { size: largest.max(MAX_BATCH), time: BODY_TIME };
    let (BatchRequest { starts, signals }, _held) = body::json(request, bounds, &bodies).await?;
    let batch = NewBatch {
        key,
        starts: parts("starts", starts, start)?,
        signals: parts("signals", signals, signal)?,
    };
    let batched = engine.batch(batch).await?;
    let status = if batched.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(batched)))
}

/// The parts of a list, each as the engine takes it; or which of them it cannot take.
fn parts<R, T>(
    list: &str,
    read: Vec<R>,
    part: impl Fn(R) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let parts = read.into_iter().enumerate().map(|(number, read)| {
        part(read).map_err(|refusal| refusal.of_part(&format!("{list}[{number}]")))
    });
    parts.collect()
}

fn signal(signal: BatchSignal) -> Result<(RunId, NewSignal), Refusal> {
    let BatchSignal { run_id, name, payload, key } = signal;
    Ok((run_id, NewSignal { name, payload: payload_of_signal(payload)?, key }))
}

fn start(start: BatchStart) -> Result<StartInBatch, Refusal> {
    let BatchStart {
        workflow,
        input,
        key,
        signals,
        on_end,
        start_at,
        start_after,
        timeout,
        attributes,
        if_running,
    } = start;
    let times = times(start_at, start_after.as_deref(), timeout.as_deref())?;
    let attributes = values(attributes);
    let new = NewRun { times, attributes, if_running, ..new_run(&input, key, signals, on_end)? };
    Ok(StartInBatch { workflow, input, new })
}
