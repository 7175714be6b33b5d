//! What the host forgets by itself: runs that ended long ago, what is left of those that were deleted, and what leads to
//! runs that are no more. A draft at a time, and each takes away little, so nobody who works waits for it.

use std::ops::ControlFlow;
use std::time::Duration;

use segno_journal::{JobId, RunId, Timestamp};

use crate::engine::clock::in_ms;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::may_block;
use crate::store::{Draft, Room, RunRecord, Status, StoreError};

/// How many runs are looked at before some of them are deleted.
const AT_ONCE: usize = 64;

/// How many rows that lead to runs one sweep looks at: all of them, over time.
const LEADING_AT_ONCE: usize = 1_000;

/// How many jobs are kept that have ended, however young they are.
const KEPT_JOBS: usize = 1_000;

/// What a sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many runs it has deleted because they ended long ago.
    pub runs: u64,
    /// How many of those that were to go are still needed.
    pub needed: u64,
}

impl Engine {
    /// Forgets what is to be forgotten by now.
    ///
    /// # Errors
    ///
    /// The store cannot be read or written, or the host stops. What was not forgotten is at the next sweep.
    pub async fn sweep(&self) -> Result<Swept, EngineError> {
        self.delete_rests().await?;
        let mut swept = Swept::default();
        let now = self.0.outside.now();
        let mut oldest = None;
        for workflow in may_block(|| self.0.store.workflows_with_runs())? {
            let Some(kept) = self.0.config.retention.of(&workflow) else { continue };
            let before = long_ago(kept, now);
            for status in Status::ALL.into_iter().filter(|status| status.has_ended()) {
                let left = self.delete_ended((&workflow, status), before, &mut swept).await?;
                oldest = oldest.max(left.map(|ended| before.since_ms(ended)));
            }
        }
        let overdue = Duration::from_millis(oldest.unwrap_or_default());
        self.0.outside.metrics().deletions_stand(swept.needed, overdue);
        if swept.runs > 0 {
            tracing::info!(
                runs = swept.runs,
                needed = swept.needed,
                "runs that ended long ago are deleted"
            );
        }
        self.delete_rests().await?;
        self.forget_strays(now).await?;
        self.forget_jobs(now).await?;
        Ok(swept)
    }

    /// Deletes the runs of a workflow that ended in one way before a moment. Says when the earliest of those ended that
    /// are still needed.
    async fn delete_ended(
        &self,
        (workflow, status): (&str, Status),
        before: Timestamp,
        swept: &mut Swept,
    ) -> Result<Option<Timestamp>, EngineError> {
        let mut last = None;
        let mut oldest: Option<Timestamp> = None;
        loop {
            let found = may_block(|| self.ended((workflow, status), before, last))?;
            let Some((run, ..)) = found.last() else { return Ok(oldest) };
            last = Some(*run);
            let mut due = Vec::new();
            for (run, ended, record) in found {
                if self.still_needed(run, &record).await?.is_none() {
                    due.push((run, record));
                } else {
                    swept.needed += 1;
                    oldest = Some(oldest.map_or(ended, |oldest| oldest.min(ended)));
                }
            }
            swept.runs += self.delete_all(&due).await?;
        }
    }

    /// The next runs that ended so, each with when, and its record.
    fn ended(
        &self,
        part: (&str, Status),
        before: Timestamp,
        after: Option<RunId>,
    ) -> Result<Vec<(RunId, Timestamp, RunRecord)>, EngineError> {
        let store = self.0.store.pinned()?;
        let mut runs = Vec::new();
        store.visit_ended(part, before, after, |run, ended| {
            runs.push((run, ended));
            if runs.len() < AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let mut found = Vec::with_capacity(runs.len());
        for (run, ended) in runs {
            match store.run(run) {
                Ok(Some(record)) => found.push((run, ended, record)),
                Ok(None) => {}
                // It is for whoever mends it.
                Err(StoreError::Record { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Deletes runs that nobody needs, as many in a draft as it has room for.
    async fn delete_all(&self, due: &[(RunId, RunRecord)]) -> Result<u64, EngineError> {
        let mut left = due.iter().peekable();
        let mut deleted = 0;
        while left.peek().is_some() {
            self.takes_work()?;
            let mut draft = Draft::nothing();
            let mut room = Room::default();
            let mut runs = 0;
            while room.is_left()
                && let Some((run, record)) = left.next()
            {
                let store = &self.0.store;
                draft = may_block(|| draft.without_run(store, (*run, record), &mut room))?;
                runs += 1;
            }
            match self.commit(draft).await {
                // One of them was tried again meanwhile, or deleted: the next sweep looks again.
                Err(StoreError::Unmet(_)) => continue,
                written => written?,
            }
            self.0.outside.metrics().runs_deleted.inc_by(runs);
            deleted += runs;
        }
        Ok(deleted)
    }

    /// Deletes what is left of runs that nobody finds any more.
    async fn delete_rests(&self) -> Result<(), EngineError> {
        loop {
            let left = may_block(|| self.0.store.deleting(AT_ONCE))?;
            if left.is_empty() {
                return Ok(());
            }
            for run in left {
                let mut is_whole = false;
                while !is_whole {
                    self.takes_work()?;
                    let store = &self.0.store;
                    let rest = || Draft::nothing().without_rest(store, run, &mut Room::default());
                    let (draft, whole) = may_block(rest)?;
                    self.commit(draft).await?;
                    is_whole = whole;
                }
            }
        }
    }

    /// Forgets the jobs that ended long ago, as runs are, and those beyond the newest.
    async fn forget_jobs(&self, now: Timestamp) -> Result<(), EngineError> {
        let before = self.0.config.retention.all.map(|kept| long_ago(kept, now));
        let jobs = may_block(|| self.0.store.jobs(None, usize::MAX))?;
        let jobs = jobs.into_iter().enumerate().filter_map(|(number, (job, record))| {
            let ended_at = record.ended_at?;
            (number >= KEPT_JOBS || before.is_some_and(|before| ended_at < before)).then_some(job)
        });
        for job in jobs {
            self.forget_job(job).await?;
        }
        Ok(())
    }

    async fn forget_job(&self, job: JobId) -> Result<(), EngineError> {
        let mut is_whole = false;
        while !is_whole {
            self.takes_work()?;
            let (draft, whole) = may_block(|| Draft::nothing().without_job(&self.0.store, job))?;
            self.commit(draft).await?;
            is_whole = whole;
        }
        Ok(())
    }

    /// Looks at some of what leads to runs, where the last sweep left off.
    async fn forget_strays(&self, now: Timestamp) -> Result<(), EngineError> {
        let from = self.0.forgetting.looked_at();
        let before = self.0.config.retention.all.map(|kept| long_ago(kept, now));
        let looked = may_block(|| self.0.store.strays(from, (LEADING_AT_ONCE, before)))?;
        let (draft, next) = looked;
        self.commit(draft).await?;
        self.0.forgetting.look_from(next.unwrap_or_default());
        Ok(())
    }
}

/// What ended before this moment is kept no longer, where it is kept for so long.
fn long_ago(kept: Duration, now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(in_ms(kept)))
}
