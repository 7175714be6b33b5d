//! What stands around each view.

use jiff::Timestamp;
use segno_api::{RunStatus, RunSummary, when};

use crate::doors::page::state::Page;
use crate::doors::tokens::Caller;
use crate::timeline::{between, duration, moment, why};

/// What stands around a view: who looks, and at what.
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) caller: String,
}

impl Shell {
    pub(super) fn new(title: impl Into<String>, caller: &Caller) -> Self {
        Self { title: title.into(), caller: caller.name().to_owned() }
    }
}

/// The moment at which a view is made.
pub(super) fn now() -> Timestamp {
    when(Page::now())
}

/// A run in a table.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) workflow: String,
    pub(super) status: RunStatus,
    pub(super) started: String,
    pub(super) took: String,
    /// Why it does not go on just now.
    pub(super) why: String,
    /// Whether somebody should look at it.
    pub(super) is_trouble: bool,
}

impl Row {
    pub(super) fn new(run: &RunSummary, now: Timestamp) -> Self {
        let took = duration(between(run.started_at, run.ended_at.unwrap_or(now)));
        Self {
            id: run.run_id.to_string(),
            workflow: run.workflow.clone(),
            status: run.status,
            started: moment(run.started_at, now),
            took: if run.ended_at.is_some() { took } else { format!("{took} so far") },
            why: run.why.as_ref().map_or_else(String::new, |it| why(it, now)),
            is_trouble: run.why.as_ref().is_some_and(|why| why.trouble.is_some()),
        }
    }
}
