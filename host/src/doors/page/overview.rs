//! What needs somebody, and how all runs stand.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use segno_api::{ModuleView, RunCounts, RunFilter, RunStatus};

use crate::doors::page::dress::html;
use crate::doors::page::filter::link;
use crate::doors::page::shell::{Row, Shell, now};
use crate::doors::refusal::Refusal;
use crate::doors::tokens::Caller;
use crate::engine::Engine;
use crate::timeline::{digest, moment};

/// How many runs that need somebody are shown.
const TROUBLED: usize = 20;

/// Of how many workflows it is shown how their runs stand.
const WORKFLOWS: usize = 100;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    problems: Vec<String>,
    trouble: Vec<Row>,
    /// Whether there are more of them.
    has_more: bool,
    all: Counts,
    workflows: Vec<Counts>,
    others: usize,
    modules: Vec<Module>,
}

/// How many runs stand in each way.
struct Counts {
    name: String,
    link: String,
    total: u64,
    /// Each status with its number, and the link to those runs.
    by_status: Vec<(RunStatus, u64, String)>,
}

struct Module {
    digest: String,
    workflows: String,
    runs: u64,
    sdk: String,
    deployed: String,
}

/// `GET /`.
pub(super) async fn show(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let now = now();
    let health = engine.health().await?;
    let filter = RunFilter { trouble: true, limit: TROUBLED, ..RunFilter::default() };
    let page = engine.runs(filter).await?;
    let modules = engine.modules().await?;
    let mut names: Vec<_> = modules.iter().flat_map(|module| module.current_for.clone()).collect();
    names.sort();
    let others = names.len().saturating_sub(WORKFLOWS);
    names.truncate(WORKFLOWS);
    let mut workflows = Vec::new();
    for name in names {
        workflows.push(counts(&engine, Some(name)).await?);
    }
    Ok(html(&Overview {
        shell: Shell::new("Overview", &caller),
        problems: health.problems.into_iter().map(|problem| problem.message).collect(),
        trouble: page.runs.iter().map(|run| Row::new(run, now)).collect(),
        has_more: page.next.is_some(),
        all: counts(&engine, None).await?,
        workflows,
        others,
        modules: modules.iter().map(|module| Module::new(module, now)).collect(),
    }))
}

/// How the runs of a workflow stand, or all.
async fn counts(engine: &Engine, workflow: Option<String>) -> Result<Counts, Refusal> {
    let filter = RunFilter { workflow, ..RunFilter::default() };
    let RunCounts { total, by_status, more: _ } = engine.count_runs(filter.clone()).await?;
    let name = filter.workflow.clone().unwrap_or_else(|| "all".to_owned());
    let of_status = |status| {
        let filter = RunFilter { statuses: vec![status], ..filter.clone() };
        (status, by_status.of(status), link(&filter, None))
    };
    let by_status = RunStatus::ALL.map(of_status).into();
    Ok(Counts { name, link: link(&filter, None), total, by_status })
}

impl Module {
    fn new(module: &ModuleView, now: jiff::Timestamp) -> Self {
        Self {
            digest: digest(&module.digest).to_owned(),
            workflows: module.current_for.join(", "),
            runs: module.runs,
            sdk: module.sdk.clone(),
            deployed: moment(module.deployed_at, now),
        }
    }
}
