//! Signals: what is sent to a run under a name, and what the run answers.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use segno_api::{Json as Text, Problem};
use segno_journal::{Response as Answer, RunId};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use crate::doors::bodies::Bodies;
use crate::doors::body;
use crate::doors::hooks::PAYLOAD;
use crate::doors::params::{Params, RunAndName, WaitFor};
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::workflows::idempotency_key;
use crate::engine::{Engine, EngineError, NewSignal, Reply, to_the_end};

/// Whether to wait for the answer.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SendParams {
    /// Wait so long for the answer of the workflow: a number of seconds, or a number with ms, s, m or h; at
    /// most 5m.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<WaitFor>,
}

/// Sends a signal to a run. The answer comes when it is on disk; with `wait`, when the workflow has answered.
///
/// An empty body is `null`. With an `Idempotency-Key`, a signal that is sent again comes once, and gets the
/// answer that the first one got: the last 256 keys of a run are known.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/signals/{name}",
    operation_id = "sendSignal",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The ID of the run"),
        ("name" = String, Path, description = "The name of the signal"),
        ("Idempotency-Key" = Option<String>, Header, description = "A signal with the same key comes once"),
        SendParams,
    ),
    request_body(content = Option<serde_json::Value>, description = "What is sent"),
    responses(
        (status = 200, description = "What the workflow answered", body = serde_json::Value),
        (status = 202, description = "It is stored, and the workflow will take it; or it has taken it and not \
         answered in time"),
        (status = 400, description = "The body, the name, the key or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The run has ended; or the workflow refuses the signal, and then it says with \
         which status from 400 to 499", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The key came with another signal; or what was sent is not what the workflow \
         takes", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The workflow has not taken what was sent before", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host cannot take it now", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn send(
    State(engine): State<Engine>,
    Extension(bodies): Extension<Bodies>,
    RunAndName(run, name): RunAndName,
    Params(params): Params<SendParams>,
    request: Request,
) -> Result<Response, Refusal> {
    let key = idempotency_key(request.headers())?;
    let (payload, _held) = body::value(request, PAYLOAD, &bodies).await?;
    let signal = NewSignal { name, payload, key };
    // What has arrived counts, though its sender hangs up in this moment.
    let sent = {
        let engine = engine.clone();
        let waits = params.wait.is_some();
        to_the_end(async move { engine.signal(run, signal, waits).await }).await?
    };
    let answer = match (sent, params.wait) {
        (Reply::Later(answer, _place), Some(wait)) => {
            match tokio::time::timeout(wait.get(), answer).await {
                Ok(Ok(Ok(response))) => Some(response),
                Ok(Ok(Err(EngineError::InboxClosed))) => {
                    return Err(EngineError::SignalUnanswered(run).into());
                }
                Ok(Ok(Err(error))) => return Err(error.into()),
                // The time is up, or the host stops. The signal is stored.
                Err(_) | Ok(Err(_)) => None,
            }
        }
        // A signal that came before has its answer; one that is held has none.
        (Reply::Now(response), Some(_)) => Some(response).filter(|it| *it != Answer::accepted()),
        (Reply::Now(_) | Reply::Later(..), None) => None,
    };
    answer.map_or_else(|| Ok(StatusCode::ACCEPTED.into_response()), |answer| answered(run, answer))
}

/// What the workflow answered, as whoever sent the signal is told. It is the guest's, and so may be anything.
fn answered(run: RunId, answer: Answer) -> Result<Response, Refusal> {
    let Answer { status, headers: _, body } = answer;
    let text = String::from_utf8_lossy(&body);
    if (400..=499).contains(&status) {
        let refusal = Refusal::new(&Kind::SIGNAL_REFUSED, text).with_status(status);
        return Err(refusal.about_run(run));
    }
    if serde_json::from_str::<&RawValue>(&text).is_err() {
        let detail = "what the workflow answered to the signal is not JSON";
        return Err(Refusal::new(&Kind::BAD_RESPONSE, detail).about_run(run));
    }
    let body = Json(Text::of(text.into_owned()));
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")], body).into_response())
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    fn told(status: u16, body: &[u8]) -> Result<u16, (u16, String)> {
        let run = RunId::from_parts(Timestamp(0), 0);
        let answer = Answer { status, headers: vec![], body: body.to_vec() };
        answered(run, answer)
            .map(|response| response.status().as_u16())
            .map_err(|refusal| (refusal.0.status, refusal.0.detail.into()))
    }

    #[test]
    fn whatever_a_guest_answers_is_json_or_a_refusal_or_its_mistake() {
        assert_eq!(told(200, b"[1]"), Ok(200));
        assert_eq!(told(299, b"null"), Ok(200));
        assert_eq!(told(409, b"it is shipped"), Err((409, "it is shipped".to_owned())));
        assert_eq!(told(499, b"\xff"), Err((499, "\u{fffd}".to_owned())));
        for (status, body) in [(200, &b"{"[..]), (200, b""), (302, b"elsewhere"), (599, b"no")] {
            assert_eq!(told(status, body).map_err(|(status, _)| status), Err(500), "{status}");
        }
    }
}
