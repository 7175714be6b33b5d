//! Jobs: one thing that is done to all runs that a filter means. To make one is to write it down; what it does, it does
//! later, page by page.

use std::time::Duration;

use segno_api::{JobKind, JobMade, JobView, RunCounts, RunFilter};
use segno_journal::{JobId, RunId, Timestamp};

use crate::engine::clock::in_ms;
use crate::engine::control::TRIES;
use crate::engine::error::{EngineError, JobError};
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, CancelHow};
use crate::engine::reads::{job_view, may_block};
use crate::store::{Draft, JobAction, JobRecord, StoppedBy, StoreError};

/// How many jobs go on at once.
const MAX_JOBS: usize = 16;

/// What is to be done to all runs that a filter means.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// What is done to each.
    pub action: JobKind,
    /// Of a cancel: at once, and nothing is undone.
    pub kill: bool,
    /// Of a cancel: how long each may take to undo what it registered, if not [`CancelHow::WITHIN`].
    pub within: Option<Duration>,
    /// The module that the runs go on with, if that is not their own: its digest, or a beginning of it that no other
    /// has.
    pub module: Option<String>,
    /// All runs are meant, so that the filter is empty.
    pub all: bool,
    /// How many runs are meant is said, and nothing done.
    pub dry_run: bool,
}

impl Engine {
    /// Has something done to all runs that a filter means and that can take it: those that there are now. The job is
    /// on disk when this answers, and goes on after a restart. Of a dry run, only how many these are is said.
    ///
    /// # Errors
    ///
    /// [`JobError`]; or there is no such module. Nothing is made then.
    pub async fn make_job(
        &self,
        asked: NewJob,
        filter: RunFilter,
        by: Asker,
    ) -> Result<JobMade, EngineError> {
        let _admitted = self.admit(0)?;
        let action = self.action(&asked)?;
        let filter = narrowed(filter, &asked)?;
        let runs = may_block(|| self.count(&filter))?;
        if asked.dry_run {
            return Ok(JobMade { job: None, runs });
        }
        let (job, record) = self.new_job(action, &filter, &by, &runs)?;
        self.store_job(job, &record).await?;
        tracing::info!(%job, by = by.name(), action = %asked.action, runs = runs.total, "a job is made");
        Ok(JobMade { job: Some(job_view(job, &record)), runs })
    }

    /// Stores a job, if there is room for one more, and has it worked on.
    async fn store_job(&self, job: JobId, record: &JobRecord) -> Result<(), EngineError> {
        let _place = self.0.jobs.make().await;
        self.has_room_for_job()?;
        self.commit(Draft::nothing().with_new_job(job, record)).await?;
        self.0.jobs.chore.wake();
        Ok(())
    }

    fn has_room_for_job(&self) -> Result<(), EngineError> {
        let going_on = may_block(|| self.0.store.unfinished_jobs())?.len();
        if going_on < MAX_JOBS { Ok(()) } else { Err(JobError::TooMany(MAX_JOBS).into()) }
    }

    /// A job with its name.
    fn new_job(
        &self,
        action: JobAction,
        filter: &RunFilter,
        by: &Asker,
        runs: &RunCounts,
    ) -> Result<(JobId, JobRecord), EngineError> {
        let now = self.0.outside.now();
        let job = JobId::from_bytes(self.0.outside.random().run_id(now, None).to_bytes());
        // The clock may have been set back since the last run was started.
        let last =
            may_block(|| self.0.store.newest_run())?.map_or(now, |last| last.timestamp().max(now));
        let record = JobRecord {
            made_at: now,
            by: by.name().map(str::to_owned),
            action,
            filter: filter.parameters(),
            matched: runs.total,
            more: runs.more,
            at: RunId::from_parts(last.plus_ms(1), 0),
            done: 0,
            unchanged: 0,
            refused: 0,
            ended_at: None,
            stopped: None,
        };
        Ok((job, record))
    }

    /// Stops a job: what it has done stays, and it does no more when this answers but for the page that is under way.
    ///
    /// # Errors
    ///
    /// [`JobError::Unknown`], [`JobError::Ended`]; or the store is in trouble.
    pub async fn stop_job(&self, job: JobId, by: Asker) -> Result<JobView, EngineError> {
        let _admitted = self.admit(0)?;
        for _ in 0..TRIES {
            let record = may_block(|| self.0.store.job(job))?.ok_or(JobError::Unknown(job))?;
            if record.ended_at.is_some() {
                return Err(JobError::Ended(job).into());
            }
            let stopped = stopped(&record, self.0.outside.now(), &by);
            match self.commit(Draft::nothing().with_job(job, (record, &stopped))).await {
                // It went on meanwhile.
                Err(StoreError::Unmet(_)) => continue,
                written => written?,
            }
            tracing::info!(%job, by = by.name(), "a job is stopped");
            return Ok(job_view(job, &stopped));
        }
        Err(EngineError::Busy)
    }

    /// What a job is to do, if that is said as it has to be.
    fn action(&self, asked: &NewJob) -> Result<JobAction, EngineError> {
        check_options(asked)?;
        let module = asked.module.as_deref().map(|text| self.0.modules.named(text)).transpose()?;
        Ok(match asked.action {
            JobKind::Cancel => {
                let within_ms = in_ms(asked.within.unwrap_or(CancelHow::WITHIN));
                JobAction::Cancel { kill: asked.kill, within_ms }
            }
            JobKind::Pause => JobAction::Pause,
            JobKind::Resume => JobAction::Resume { module },
            JobKind::Retry => JobAction::Retry { module },
            JobKind::Delete => JobAction::Delete,
            JobKind::Move => JobAction::Move { module: module.ok_or(JobError::NoModule)? },
        })
    }
}

/// The job, as it stands when somebody has stopped it then.
fn stopped(job: &JobRecord, at: Timestamp, by: &Asker) -> JobRecord {
    let by = StoppedBy(by.name().map(str::to_owned));
    JobRecord { ended_at: Some(at), stopped: Some(by), ..job.clone() }
}

/// Refuses an option that belongs to another action.
fn check_options(asked: &NewJob) -> Result<(), JobError> {
    let NewJob { action, kill, within, module, .. } = asked;
    let is_cancel = *action == JobKind::Cancel;
    let options = [
        ("kill", *kill, is_cancel),
        ("within", within.is_some(), is_cancel),
        ("module", module.is_some(), takes_module(*action)),
    ];
    let foreign = options.into_iter().find(|(_, is_said, fits)| *is_said && !fits);
    match foreign {
        Some((option, ..)) => Err(JobError::OtherOption { option, action: *action }),
        None => Ok(()),
    }
}

const fn takes_module(action: JobKind) -> bool {
    matches!(action, JobKind::Resume | JobKind::Retry | JobKind::Move)
}

/// The filter, of which only those runs are left to which it can be done.
fn narrowed(filter: RunFilter, asked: &NewJob) -> Result<RunFilter, JobError> {
    let action = asked.action;
    if filter.trouble {
        return Err(JobError::Trouble);
    }
    match (filter.parameters().is_empty(), asked.all) {
        (true, false) => return Err(JobError::NoFilter),
        (false, true) => return Err(JobError::AllAndFilter),
        (true, true) | (false, false) => {}
    }
    let mut statuses = action.takes().to_vec();
    if !filter.statuses.is_empty() {
        statuses.retain(|status| filter.statuses.contains(status));
    }
    if statuses.is_empty() {
        return Err(JobError::NoSuchRuns { action });
    }
    Ok(RunFilter { statuses, ..filter })
}

#[cfg(test)]
mod tests {
    use segno_api::RunStatus;

    use super::*;

    fn asked(action: JobKind, all: bool) -> NewJob {
        NewJob { action, kill: false, within: None, module: None, all, dry_run: false }
    }

    fn filter(parameters: &[(&str, &str)]) -> RunFilter {
        let mut filter = RunFilter::default();
        for (name, value) in parameters {
            filter.take(name, value).expect("it can be used");
        }
        filter
    }

    #[test]
    fn a_job_is_about_those_runs_only_that_can_take_it() {
        let of_a = filter(&[("workflow", "a"), ("status", "failed,running,paused")]);
        let narrowed = |action| narrowed(of_a.clone(), &asked(action, false));
        let statuses = |action| narrowed(action).map(|filter| filter.statuses);
        assert_eq!(
            statuses(JobKind::Cancel).expect("there are some"),
            [RunStatus::Running, RunStatus::Paused]
        );
        assert_eq!(statuses(JobKind::Delete).expect("there are some"), [RunStatus::Failed]);
        assert_eq!(statuses(JobKind::Resume).expect("there are some"), [RunStatus::Paused]);
        let kept = narrowed(JobKind::Retry).expect("there are some");
        assert_eq!(
            kept.parameters(),
            filter(&[("workflow", "a"), ("status", "failed")]).parameters()
        );
    }

    #[test]
    fn what_is_not_said_as_it_has_to_be_makes_no_job() {
        let refusal = |parameters, action, all| {
            narrowed(filter(parameters), &asked(action, all))
                .expect_err("it is refused")
                .to_string()
        };
        let none = refusal(&[], JobKind::Cancel, false);
        assert!(none.starts_with("the filter is empty"), "{none}");
        let both = refusal(&[("workflow", "a")], JobKind::Cancel, true);
        assert!(both.contains("say one of them"), "{both}");
        let trouble = refusal(&[("trouble", "")], JobKind::Cancel, false);
        assert!(trouble.contains("no filter of a job"), "{trouble}");
        assert_eq!(
            refusal(&[("status", "completed")], JobKind::Retry, false),
            "no run of the filter can take the action `retry`: only one can that is failed"
        );
        let paused = refusal(&[("status", "completed")], JobKind::Pause, false);
        assert!(paused.ends_with("only one can that is pending or running"), "{paused}");
        assert!(narrowed(filter(&[]), &asked(JobKind::Pause, true)).is_ok());
    }
}
