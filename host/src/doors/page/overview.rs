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
    statuses: [RunStatus; 7],
    /// Of each workflow, and of all together.
    counts: Vec<Counts>,
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
    let (health, troubled) = engine.health_and_trouble().await?;
    let modules = engine.modules().await?;
    let mut by_workflow = engine.counts_by_workflow().await?;
    // Also those of which there is no run.
    for name in modules.iter().flat_map(|module| &module.current_for) {
        by_workflow.entry(name.clone()).or_default();
    }
    let mut all = RunCounts::default();
    for counts in by_workflow.values() {
        RunStatus::ALL.into_iter().for_each(|status| all.add(status, counts.by_status.of(status)));
    }
    let others = by_workflow.len().saturating_sub(WORKFLOWS);
    let workflows = by_workflow.iter().take(WORKFLOWS);
    let workflows = workflows.map(|(name, counts)| Counts::new(Some(name), counts));
    Ok(html(&Overview {
        shell: Shell::new("Overview", &caller),
        problems: health.problems.into_iter().map(|problem| problem.message).collect(),
        trouble: troubled.runs.iter().take(TROUBLED).map(|run| Row::new(run, now)).collect(),
        has_more: troubled.runs.len() > TROUBLED || troubled.next.is_some(),
        statuses: RunStatus::ALL,
        counts: workflows.chain([Counts::new(None, &all)]).collect(),
        others,
        modules: modules.iter().map(|module| Module::new(module, now)).collect(),
    }))
}

impl Counts {
    /// How the runs of a workflow stand, or all.
    fn new(workflow: Option<&str>, counts: &RunCounts) -> Self {
        let filter = RunFilter { workflow: workflow.map(str::to_owned), ..RunFilter::default() };
        let of_status = |status| {
            let filter = RunFilter { statuses: vec![status], ..filter.clone() };
            (status, counts.by_status.of(status), link(&filter, None))
        };
        Self {
            name: workflow.unwrap_or("all").to_owned(),
            link: link(&filter, None),
            total: counts.total,
            by_status: RunStatus::ALL.map(of_status).into(),
        }
    }
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
