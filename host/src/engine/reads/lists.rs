//! Lists of runs: which there are, how they stand, and why those wait that have not ended.

use segno_api::{RunFilter, RunPage, RunSummary, Why, when};
use std::ops::ControlFlow;

use segno_journal::RunId;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::shard::status_of;
use crate::store::{Noted, RunRecord, StoreError};

/// How many runs a list may have.
const MAX_LISTED: usize = 1_000;

/// How many runs are looked at for one page: a filter that matches nothing must not read all that
/// ever was. The cursor goes on from there.
const MAX_SCANNED: usize = 100_000;

/// About how many runs the shards are asked at once, where those in trouble are looked for: each shard
/// looks at its part in some milliseconds, between two turns.
const ASKED_AT_ONCE: usize = 10_000;

impl Engine {
    /// Runs, newest first; of those that have not ended, why they wait. A shard that does not answer
    /// does not hold up the list: its runs say so.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn runs(&self, filter: RunFilter) -> Result<RunPage, EngineError> {
        let filter = RunFilter { limit: filter.limit.clamp(1, MAX_LISTED), ..filter };
        if filter.trouble {
            return self.troubled(filter).await;
        }
        let engine = self.clone();
        let mut page = self.blocking(move || engine.list(&filter)).await?;
        let unfinished =
            page.runs.iter().filter(|run| !run.status.has_ended()).map(|run| run.run_id);
        let mut whys = self.survey(unfinished.collect(), false).await;
        page.runs.iter_mut().for_each(|run| run.why = whys.remove(&run.run_id));
        self.with_moments(page).await
    }

    /// A page of the runs that match a filter, as they are on disk. Those that have not ended stand in
    /// a table of their own, so they are found without all that ever was.
    fn list(&self, filter: &RunFilter) -> Result<RunPage, EngineError> {
        let mut runs = Vec::new();
        let mut scanned = 0;
        let mut last = None;
        let visit = |run, record: RunRecord| {
            if runs.len() == filter.limit || scanned == MAX_SCANNED {
                return ControlFlow::Break(());
            }
            (scanned, last) = (scanned + 1, Some(run));
            if matches(filter, &record) {
                runs.push(summary(run, record));
            }
            ControlFlow::Continue(())
        };
        match filter.status {
            Some(status) if !status.has_ended() => {
                self.0.store.visit_unfinished(filter.before, visit)?
            }
            _ => self.0.store.visit_runs(filter.before, visit)?,
        }
        let more = runs.len() == filter.limit || scanned == MAX_SCANNED;
        Ok(RunPage { runs, next: last.filter(|_| more).map(|run| run.to_string()) })
    }

    /// A page of the runs that are in trouble.
    async fn troubled(&self, filter: RunFilter) -> Result<RunPage, EngineError> {
        let mut page = RunPage::default();
        let mut before = filter.before;
        let mut scanned = 0;
        loop {
            let store = self.0.store.clone();
            let runs =
                self.blocking(move || Ok(store.unfinished_before(before, ASKED_AT_ONCE)?)).await?;
            before = runs.last().copied().or(before);
            scanned += runs.len();
            let is_last = runs.len() < ASKED_AT_ONCE;
            let whys = self.survey(runs, true).await;
            let engine = self.clone();
            let wanted = filter.clone();
            let room = filter.limit - page.runs.len();
            let found = self
                .blocking(move || engine.summaries(&wanted, whys.into_iter().rev(), room))
                .await?;
            page.runs.extend(found);
            let is_full = page.runs.len() == filter.limit;
            if is_full || is_last || scanned >= MAX_SCANNED {
                let end = if is_full { page.runs.last().map(|run| run.run_id) } else { before };
                page.next = end.filter(|_| is_full || !is_last).map(|run| run.to_string());
                return self.with_moments(page).await;
            }
        }
    }

    /// The runs that match a filter, with why they wait: so many at most.
    fn summaries(
        &self,
        filter: &RunFilter,
        whys: impl Iterator<Item = (RunId, Why)>,
        room: usize,
    ) -> Result<Vec<RunSummary>, EngineError> {
        let mut found = Vec::new();
        for (run, why) in whys {
            if found.len() == room {
                break;
            }
            match self.0.store.run(run) {
                Ok(Some(record)) if matches(filter, &record) => {
                    found.push(RunSummary { why: Some(why), ..summary(run, record) });
                }
                Ok(_) | Err(StoreError::Record { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// A page whose blocked runs say since when they are.
    async fn with_moments(&self, mut page: RunPage) -> Result<RunPage, EngineError> {
        let is_blocked = |run: &RunSummary| run.why.as_ref().is_some_and(|why| why.kind.is_some());
        if !page.runs.iter().any(is_blocked) {
            return Ok(page);
        }
        let engine = self.clone();
        self.blocking(move || {
            for run in page.runs.iter_mut().filter(|run| is_blocked(run)) {
                let since = engine.blocked_at(run.run_id)?;
                run.why = run.why.take().map(|why| Why { since, ..why }.worded());
            }
            Ok(page)
        })
        .await
    }

    /// When a run was blocked last, as far as that is kept.
    pub(crate) fn blocked_at(&self, run: RunId) -> Result<Option<jiff::Timestamp>, StoreError> {
        let notes = self.0.store.notes(run, 0)?;
        let last = notes.iter().rev().find(|note| matches!(note.what, Noted::Blocked { .. }));
        Ok(last.map(|note| when(note.at)))
    }
}

fn matches(filter: &RunFilter, record: &RunRecord) -> bool {
    filter.workflow.as_ref().is_none_or(|workflow| **workflow == *record.workflow)
        && filter.status.is_none_or(|status| status == status_of(&record.standing))
}

/// A run in a list, as it is on disk.
pub(crate) fn summary(run_id: RunId, record: RunRecord) -> RunSummary {
    RunSummary {
        run_id,
        workflow: record.workflow.to_string(),
        status: status_of(&record.standing),
        module: record.module.to_string(),
        started_at: when(record.started_at),
        ended_at: record.standing.ended_at().map(when),
        why: None,
    }
}
