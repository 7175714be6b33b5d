//! Lists of runs.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use segno_api::RunFilter;

use crate::doors::page::dress::html;
use crate::doors::page::filter::{Form, Wanted, link};
use crate::doors::page::shell::{Row, Shell, now};
use crate::doors::refusal::Refusal;
use crate::doors::tokens::Caller;
use crate::engine::Engine;

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    shell: Shell,
    form: Form,
    runs: Vec<Row>,
    /// How many there are, in words; nothing where that is not known.
    count: String,
    next: Option<String>,
    /// The link to the first page, where this is another one.
    first: Option<String>,
}

/// `GET /runs`.
pub(super) async fn list(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    Wanted(filter): Wanted,
) -> Result<Response, Refusal> {
    let now = now();
    let page = engine.runs(filter.clone()).await?;
    Ok(html(&Runs {
        shell: Shell::new("Runs", &caller),
        form: Form::of(&filter),
        runs: page.runs.iter().map(|run| Row::new(run, now)).collect(),
        count: count(&engine, &filter).await?,
        next: page.next.map(|cursor| link(&filter, Some(&cursor))),
        first: filter.before.is_some().then(|| link(&filter, None)),
    }))
}

/// How many runs a filter means. What is in trouble can only be listed.
async fn count(engine: &Engine, filter: &RunFilter) -> Result<String, Refusal> {
    if filter.trouble {
        return Ok(String::new());
    }
    let filter = RunFilter { before: None, ..filter.clone() };
    let counts = engine.count_runs(filter).await?;
    let runs = if counts.total == 1 && !counts.more { "run" } else { "runs" };
    let more = if counts.more { "at least " } else { "" };
    Ok(format!("{more}{} {runs}", counts.total))
}
