//! The work of jobs: page after page of the runs that each means, from the newest to the oldest. How far it is, and what
//! came of each run, is on disk after each page; a page that was cut off is done again, and what was done of it is
//! found so.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use segno_api::{BadFilter, RunFilter, RunStatus, cut};
use segno_journal::{Digest, JobId, RunId};

use crate::engine::control::TRIES;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, CancelHow, Retrying};
use crate::engine::reads::{may_block, search};
use crate::store::{Draft, JobAction, JobRecord, KEPT_REFUSALS, RunRecord, Standing, StoreError};

/// How many runs a page has at most: how far a job is is on disk after each of them.
const PAGE: usize = 1_000;

/// How many runs are looked up for one page at most.
const LOOKED_UP: usize = 10_000;

/// To how many runs it is done at once: enough that their commits share syncs, and little beside what others ask for.
const AT_ONCE: usize = 128;

/// How often it is tried with a run that is not ready for it, and how long is waited in between.
const TRIES_OF_RUN: usize = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// How long is waited for a shard that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a run did not take it whose shard does not answer.
const NO_ANSWER: &str =
    "the part of the host that has the run does not answer; it is told when it does";

/// How long a reason is kept, in bytes.
const REASON: usize = 512;

/// The runs of a page.
struct Page {
    runs: Vec<(RunId, RunRecord)>,
    /// The page ends here: the runs before this one are left.
    at: RunId,
    is_last: bool,
}

/// What came of a run.
enum Outcome {
    Done,
    /// There was nothing to do any more.
    Unchanged,
    /// It did not take it, for this reason.
    Refused(String),
}

impl Engine {
    /// Takes each job that has not ended a page further. Says whether any is left.
    ///
    /// # Errors
    ///
    /// The store cannot be read or written, or the host stops. A page that was begun is done again.
    pub async fn work_on_jobs(&self) -> Result<bool, EngineError> {
        let mut is_left = false;
        for job in may_block(|| self.0.store.unfinished_jobs())? {
            match self.work_on(job).await {
                // It waits for whoever mends the row, and the others do not wait for it.
                Err(EngineError::Store(error @ StoreError::Record { .. })) => {
                    tracing::error!(%job, %error, "a job does not go on");
                }
                worked => is_left |= worked?,
            }
        }
        Ok(is_left)
    }

    async fn work_on(&self, job: JobId) -> Result<bool, EngineError> {
        self.takes_work()?;
        let Some(record) = may_block(|| self.0.store.job(job))? else { return Ok(false) };
        if record.ended_at.is_some() {
            return Ok(false);
        }
        let Page { runs, at, is_last } = may_block(|| self.page_of(&record))?;
        let (by, record) = (&Asker::job(job, record.by.as_deref()), &record);
        let outcomes = stream::iter(runs)
            .map(|(run, known)| async move {
                Ok::<_, EngineError>((run, self.act(record, (run, known), by).await?))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        self.advance(job, (at, is_last), outcomes).await
    }

    /// The next runs of a job.
    fn page_of(&self, record: &JobRecord) -> Result<Page, EngineError> {
        let filter = filter_of(record)?;
        let mut page = Page { runs: Vec::new(), at: record.at, is_last: true };
        let mut looked_up = 0;
        self.0.store.search(&search(&filter), |run, found| {
            if page.runs.len() == PAGE || looked_up == LOOKED_UP {
                page.is_last = false;
                return ControlFlow::Break(());
            }
            (looked_up, page.at) = (looked_up + 1, run);
            page.runs.extend(found.map(|record| (run, record)));
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    /// Does it to a run.
    async fn act(
        &self,
        job: &JobRecord,
        (run, known): (RunId, RunRecord),
        by: &Asker,
    ) -> Result<Outcome, EngineError> {
        if is_done(job, &known) {
            return Ok(Outcome::Unchanged);
        }
        for _ in 0..TRIES_OF_RUN {
            tokio::select! {
                biased;
                acted = self.acted(&job.action, run, by.clone()) => match acted {
                    // It has not had its first turn, or its shard has not heard yet how it stands.
                    Err(EngineError::Busy) => self.0.outside.clock().pause(PAUSE).await,
                    acted => return outcome(acted),
                },
                () = self.gives_no_answer(run) => return Ok(Outcome::Refused(NO_ANSWER.to_owned())),
            }
        }
        Ok(Outcome::Refused(EngineError::Busy.to_string()))
    }

    /// Waits until the shard of a run has not answered for long. It is not asked again: what it was told is in its
    /// line.
    async fn gives_no_answer(&self, run: RunId) {
        self.until_unresponsive(run).await;
        self.0.outside.clock().pause(PATIENCE).await;
    }

    async fn acted(&self, action: &JobAction, run: RunId, by: Asker) -> Result<(), EngineError> {
        match action {
            // Nothing is put into the line of a shard that does not answer; a run is ended without it.
            action if !matches!(action, JobAction::Cancel { .. }) && self.is_unresponsive(run) => {
                Err(EngineError::Busy)
            }
            JobAction::Cancel { kill, within_ms } => {
                let within = Duration::from_millis(*within_ms);
                self.tell_to_end(run, CancelHow { kill: *kill, within }, by).await
            }
            JobAction::Pause => self.hold_up(run, by).await,
            JobAction::Resume { module } => self.goes_on(run, *module, by).await,
            JobAction::Retry { module } => {
                self.try_again(run, Retrying { turn: None, module: *module }, by).await
            }
            JobAction::Delete => self.delete(run, by).await,
            JobAction::Move { module } => self.move_to(run, *module, by).await,
        }
    }

    /// Lets a run go on; one that is blocked again has not taken it.
    async fn goes_on(
        &self,
        run: RunId,
        module: Option<Digest>,
        by: Asker,
    ) -> Result<(), EngineError> {
        match self.let_go_on(run, module, by).await? {
            RunStatus::Blocked => Err(self.still_blocked(run)?),
            _ => Ok(()),
        }
    }

    /// Writes what came of a page. Says whether the job goes on.
    async fn advance(
        &self,
        job: JobId,
        (at, is_last): (RunId, bool),
        outcomes: Vec<(RunId, Outcome)>,
    ) -> Result<bool, EngineError> {
        for _ in 0..TRIES {
            let Some(before) = may_block(|| self.0.store.job(job))? else { return Ok(false) };
            let kept = usize::try_from(before.refused)
                .map_or(0, |kept| KEPT_REFUSALS.saturating_sub(kept));
            let mut after = counted(JobRecord { at, ..before.clone() }, &outcomes);
            if is_last {
                // Somebody may have stopped it in its last page.
                after.ended_at = after.ended_at.or(Some(self.0.outside.now()));
            }
            let draft = Draft::nothing().with_job(job, (before, &after));
            let draft = refusals(&outcomes)
                .take(kept)
                .fold(draft, |draft, (run, reason)| draft.with_refusal(job, run, reason));
            match self.commit(draft).await {
                // Somebody has stopped it meanwhile.
                Err(StoreError::Unmet(_)) => continue,
                written => written?,
            }
            tell_end(job, &after);
            return Ok(after.ended_at.is_none());
        }
        // Somebody changes it again and again: the page is done once more.
        Ok(true)
    }
}

/// Whether there is nothing to do to a run, as its record says: it stands so since the job was made only, or it was
/// done before.
fn is_done(job: &JobRecord, run: &RunRecord) -> bool {
    let made_at = Some(job.made_at);
    match &job.action {
        JobAction::Retry { .. } | JobAction::Delete => run.standing.ended_at() >= made_at,
        JobAction::Resume { .. } => {
            matches!(run.standing, Standing::Paused(at) if Some(at) >= made_at)
        }
        JobAction::Move { module } => run.module == *module && run.standing.blocked_by().is_none(),
        JobAction::Cancel { .. } | JobAction::Pause => false,
    }
}

/// Which runs are left to a job.
fn filter_of(record: &JobRecord) -> Result<RunFilter, StoreError> {
    let mut filter = RunFilter { before: Some(record.at), ..RunFilter::default() };
    for (name, value) in &record.filter {
        // What is not known here was written by a newer host.
        let damaged =
            |error: BadFilter| StoreError::Record { table: "jobs".to_owned(), detail: error.0 };
        filter.take(name, value).map_err(damaged)?;
    }
    Ok(filter)
}

/// The job with what came of some more runs.
fn counted(mut job: JobRecord, outcomes: &[(RunId, Outcome)]) -> JobRecord {
    for (_run, outcome) in outcomes {
        *match outcome {
            Outcome::Done => &mut job.done,
            Outcome::Unchanged => &mut job.unchanged,
            Outcome::Refused(_) => &mut job.refused,
        } += 1;
    }
    job
}

/// The runs that did not take it, each with the reason.
fn refusals(outcomes: &[(RunId, Outcome)]) -> impl Iterator<Item = (RunId, &str)> {
    outcomes.iter().filter_map(|(run, outcome)| match outcome {
        Outcome::Refused(reason) => Some((*run, &**reason)),
        Outcome::Done | Outcome::Unchanged => None,
    })
}

fn tell_end(job: JobId, JobRecord { ended_at, done, unchanged, refused, .. }: &JobRecord) {
    if ended_at.is_some() {
        tracing::info!(%job, done, unchanged, refused, "a job has ended");
    }
}

/// What came of a run, if the job can go on.
fn outcome(acted: Result<(), EngineError>) -> Result<Outcome, EngineError> {
    match acted {
        Ok(()) => Ok(Outcome::Done),
        Err(
            EngineError::UnknownRun(_)
            | EngineError::AlreadyEnded(_)
            | EngineError::HasEnded(_)
            | EngineError::NotEnded(_)
            | EngineError::NotFailed(_)
            | EngineError::NotBlocked(_),
        ) => Ok(Outcome::Unchanged),
        // A record of the run is damaged.
        Err(error @ EngineError::Store(StoreError::Record { .. })) => {
            Ok(Outcome::Refused(cut(&error.to_string(), REASON)))
        }
        Err(error @ (EngineError::Store(_) | EngineError::Stopping)) => Err(error),
        Err(error) => Ok(Outcome::Refused(cut(&error.to_string(), REASON))),
    }
}
