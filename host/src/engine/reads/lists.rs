//! Lists of runs: which there are, how they stand, and why those wait that have not ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_api::{RunCounts, RunFilter, RunPage, RunStatus, RunSummary, Why, when};
use segno_journal::{RunId, Timestamp};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::shard::{shown, status_of};
use crate::store::{Noted, RunRecord, Search, Status, StoreError};

/// How many runs a list may have.
const MAX_LISTED: usize = 1_000;

/// How many runs are looked at for one page: a filter that matches nothing must not read all that
/// ever was. The cursor goes on from there.
const MAX_SCANNED: usize = 100_000;

/// How many runs are looked up for one page or one count where indexes lead to them: each lies in another place than
/// the one before it. With a goal of 50 ms for a page.
const MAX_LOOKED_UP: usize = 10_000;

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

    /// How many runs there are that match a filter, and how many of them stand in each way.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn count_runs(&self, filter: RunFilter) -> Result<RunCounts, EngineError> {
        let engine = self.clone();
        self.blocking(move || engine.count(&filter)).await
    }

    /// How many runs of each workflow there are, and how many of them stand in each way. Those of which there is none
    /// are not among them.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn counts_by_workflow(&self) -> Result<BTreeMap<String, RunCounts>, EngineError> {
        let engine = self.clone();
        self.blocking(move || {
            let mut counts = BTreeMap::<_, RunCounts>::new();
            for ((workflow, status), count) in engine.0.store.count_runs(None)? {
                counts.entry(workflow).or_default().add(shown(status), count);
            }
            Ok(counts)
        })
        .await
    }

    /// As they are on disk.
    pub(crate) fn count(&self, filter: &RunFilter) -> Result<RunCounts, EngineError> {
        let search = search(filter);
        let mut counts = RunCounts::default();
        if !filter.looks_at_runs() {
            for ((_workflow, status), count) in
                self.0.store.count_runs(filter.workflow.as_deref())?
            {
                if search.statuses.is_empty() || search.statuses.contains(&status) {
                    counts.add(shown(status), count);
                }
            }
            return Ok(counts);
        }
        let mut looked_at = 0;
        self.0.store.search(&search, |_run, found| {
            if looked_at == MAX_LOOKED_UP {
                counts.more = true;
                return ControlFlow::Break(());
            }
            looked_at += 1;
            if let Some(record) = found {
                counts.add(status_of(&record.standing), 1);
            }
            ControlFlow::Continue(())
        })?;
        Ok(counts)
    }

    /// A page of the runs that match a filter, as they are on disk: what indexes lead to is found without all that
    /// ever was.
    fn list(&self, filter: &RunFilter) -> Result<RunPage, EngineError> {
        let mut runs = Vec::new();
        let (mut looked_at, mut last, mut more) = (0, None, false);
        self.0.store.search(&search(filter), |run, found| {
            if runs.len() == filter.limit || looked_at == MAX_LOOKED_UP {
                more = true;
                return ControlFlow::Break(());
            }
            (looked_at, last) = (looked_at + 1, Some(run));
            runs.extend(found.map(|record| summary(run, record)));
            ControlFlow::Continue(())
        })?;
        Ok(RunPage { runs, next: last.filter(|_| more).map(|run| run.to_string()) })
    }

    /// A page of the runs that are in trouble.
    async fn troubled(&self, filter: RunFilter) -> Result<RunPage, EngineError> {
        let mut page = RunPage::default();
        let search = search(&filter);
        let mut before = search.before;
        let mut scanned = 0;
        loop {
            let store = self.0.store.clone();
            let runs =
                self.blocking(move || Ok(store.unfinished_before(before, ASKED_AT_ONCE)?)).await?;
            before = runs.last().copied().or(before);
            scanned += runs.len();
            let is_past =
                search.from.is_some_and(|from| before.is_some_and(|before| before < from));
            let is_last = runs.len() < ASKED_AT_ONCE || is_past;
            let whys = self.survey(runs, true).await;
            let engine = self.clone();
            let wanted = search.clone();
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
        search: &Search,
        whys: impl Iterator<Item = (RunId, Why)>,
        room: usize,
    ) -> Result<Vec<RunSummary>, EngineError> {
        let mut found = Vec::new();
        for (run, why) in whys {
            if found.len() == room {
                break;
            }
            match self.0.store.find(search, run) {
                Ok(Some(record)) => {
                    found.push(RunSummary { why: Some(why), ..summary(run, record) });
                }
                Ok(None) | Err(StoreError::Record { .. }) => {}
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

/// What a filter looks for in the store. The name of a run begins with the moment of its start.
pub(crate) fn search(filter: &RunFilter) -> Search {
    let started = |at: jiff::Timestamp| {
        let rounded_up = at.as_millisecond() + i64::from(at.subsec_nanosecond() % 1_000_000 > 0);
        let ms = u64::try_from(rounded_up).unwrap_or_default().min(LAST_START);
        RunId::from_parts(Timestamp(ms), 0)
    };
    let before = filter.started_before.map(started);
    let attributes = filter.attributes.iter().map(|of| (of.name.clone(), of.values()));
    Search {
        workflow: filter.workflow.clone(),
        statuses: filter.statuses.iter().copied().map(kept).collect::<BTreeSet<_>>(),
        attributes: attributes.collect(),
        from: filter.started_after.map(started),
        before: [filter.before, before].into_iter().flatten().min(),
    }
}

/// The last moment that the name of a run can begin with, in milliseconds.
const LAST_START: u64 = (1 << 48) - 1;

/// A status as the store knows it.
const fn kept(status: RunStatus) -> Status {
    match status {
        RunStatus::Running => Status::Running,
        RunStatus::Blocked => Status::Blocked,
        RunStatus::Completed => Status::Completed,
        RunStatus::Failed => Status::Failed,
        RunStatus::Cancelled => Status::Cancelled,
        RunStatus::Pending => Status::Pending,
        RunStatus::Paused => Status::Paused,
    }
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
