//! Queries: asking a run something, now or as it was.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use segno_api::Problem;
use segno_journal::{MAX_NESTING, is_too_nested};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use crate::doors::params::{Params, RunAndName, Turn};
use crate::doors::refusal::{Kind, Refusal};
use crate::engine::{Engine, EngineError, Query};

/// How long the input of a query may be, in bytes. In the URL it has up to three times as many, and the head of a
/// request has room for that.
pub const MAX_QUERY_INPUT: usize = 8 << 10;

/// What is asked, and of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AskParams {
    /// What is asked, as JSON; `null` where nothing is said.
    #[param(example = "{\"line\":3}")]
    input: Option<String>,
    /// As the run was after this turn.
    #[param(value_type = Option<u64>)]
    at: Option<Turn>,
}

/// Asks a run something. A copy of it is asked: the run is neither woken nor delayed.
///
/// What the workflow shows under the name with `publish` is the answer; else what it answers with `query`. A run
/// that has ended is asked as it was before its last turn.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/queries/{name}",
    operation_id = "queryRun",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The ID of the run"),
        ("name" = String, Path, description = "The name of the query"),
        AskParams,
    ),
    responses(
        (status = 200, description = "The answer", body = serde_json::Value),
        (status = 400, description = "The ID, the name or a parameter cannot be used", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "There is no such run, it has had no such turn, or nobody answers to the name: \
         then the detail says which names are known", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "There can be no copy of the run: turns of it or its module were forgotten",
         body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The input has more than 8 KiB", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "What is asked does not fit", body = Problem,
         content_type = "application/problem+json"),
        (status = 500, description = "The copy of the run could not be made, or failed to answer", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The host has too much to do", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn ask(
    State(engine): State<Engine>,
    RunAndName(run, name): RunAndName,
    Params(AskParams { input, at }): Params<AskParams>,
) -> Result<Response, Refusal> {
    let input = input.unwrap_or_else(|| "null".to_owned());
    if input.len() > MAX_QUERY_INPUT {
        let (what, size, limit) = ("what is asked", input.len(), MAX_QUERY_INPUT);
        return Err(EngineError::TooLarge { what, size, limit }.into());
    }
    let is_json = serde_json::from_str::<&RawValue>(&input);
    is_json
        .map_err(|error| Refusal::new(&Kind::BAD_QUERY, format!("`input` is no JSON: {error}")))?;
    if is_too_nested(&input) {
        let detail = format!("`input` is nested more than {MAX_NESTING} levels deep");
        return Err(Refusal::new(&Kind::BAD_QUERY, detail));
    }
    let question = Query { name, input, at: at.map(Turn::get) };
    let answer = engine.query(run, question).await?;
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}
