//! Jobs: which there are, how far each is, and which runs did not take what it was to do.

use segno_api::{JobKind, JobPage, JobProgress, JobRefusal, JobRefusals, JobStatus, JobView, when};
use segno_journal::{Digest, JobId, RunId};

use crate::engine::error::{EngineError, JobError};
use crate::engine::handle::Engine;
use crate::store::{JobAction, JobRecord};

/// How many jobs, or runs of one, a page has at most.
const MAX_LISTED: usize = 1_000;

impl Engine {
    /// A job.
    ///
    /// # Errors
    ///
    /// There is no such job, or the store cannot be read.
    pub async fn job(&self, job: JobId) -> Result<JobView, EngineError> {
        let engine = self.clone();
        self.blocking(move || Ok(job_view(job, &engine.job_record(job)?))).await
    }

    /// The jobs before one, newest first.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn jobs(&self, before: Option<JobId>, limit: usize) -> Result<JobPage, EngineError> {
        let limit = limit.clamp(1, MAX_LISTED);
        let engine = self.clone();
        self.blocking(move || {
            let found = engine.0.store.jobs(before, limit + 1)?;
            let next = found.get(limit).and(found.get(limit - 1)).map(|(job, _)| job.to_string());
            let jobs = found.iter().take(limit).map(|(job, record)| job_view(*job, record));
            Ok(JobPage { jobs: jobs.collect(), next })
        })
        .await
    }

    /// The runs before one that did not take what a job was to do, newest first.
    ///
    /// # Errors
    ///
    /// There is no such job, or the store cannot be read.
    pub async fn refusals(
        &self,
        job: JobId,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<JobRefusals, EngineError> {
        let limit = limit.clamp(1, MAX_LISTED);
        let engine = self.clone();
        self.blocking(move || {
            engine.job_record(job)?;
            let mut found = engine.0.store.refusals(job, before, limit + 1)?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(|(run, _)| run.to_string());
            let refusals = found.into_iter().map(|(run_id, reason)| JobRefusal { run_id, reason });
            Ok(JobRefusals { refusals: refusals.collect(), next })
        })
        .await
    }

    fn job_record(&self, job: JobId) -> Result<JobRecord, EngineError> {
        Ok(self.0.store.job(job)?.ok_or(JobError::Unknown(job))?)
    }
}

/// What is shown of a job.
pub(crate) fn job_view(job: JobId, record: &JobRecord) -> JobView {
    let (action, kill, within_ms, module) = action_of(&record.action);
    let status = match (&record.ended_at, &record.stopped) {
        (None, _) => JobStatus::Running,
        (Some(_), None) => JobStatus::Completed,
        (Some(_), Some(_)) => JobStatus::Stopped,
    };
    JobView {
        job_id: job,
        action,
        kill,
        within_ms: within_ms.filter(|_| kill == Some(false)),
        module: module.map(|module| module.to_string()),
        filter: record.filter.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        status,
        by: record.by.clone(),
        stopped_by: record.stopped.as_ref().and_then(|stopped| stopped.0.clone()),
        made_at: when(record.made_at),
        ended_at: record.ended_at.map(when),
        runs: JobProgress {
            matched: record.matched,
            more: record.more,
            done: record.done,
            unchanged: record.unchanged,
            refused: record.refused,
        },
        at: record.at,
    }
}

/// What a job does, with whether it kills, how much time it gives for cleaning up, and the module that is meant.
fn action_of(action: &JobAction) -> (JobKind, Option<bool>, Option<u64>, Option<Digest>) {
    match action {
        JobAction::Cancel { kill, within_ms } => {
            (JobKind::Cancel, Some(*kill), Some(*within_ms), None)
        }
        JobAction::Pause => (JobKind::Pause, None, None, None),
        JobAction::Resume { module } => (JobKind::Resume, None, None, *module),
        JobAction::Retry { module } => (JobKind::Retry, None, None, *module),
        JobAction::Delete => (JobKind::Delete, None, None, None),
        JobAction::Move { module } => (JobKind::Move, None, None, Some(*module)),
    }
}
