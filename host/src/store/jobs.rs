//! Jobs of the host: each does one thing to all runs that a filter means, and says on disk how far it is.

use segno_journal::{JobId, RunId};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::job_records::JobRecord;
use crate::store::keys::{self, Between};
use crate::store::tables::Table;

/// How many runs that a job could do nothing with are kept with the reason. What is beyond that is counted.
pub const KEPT_REFUSALS: usize = 10_000;

/// How many refusals of a job that is forgotten go in one draft.
const FORGOTTEN_AT_ONCE: usize = 1_000;

impl<T> Draft<T> {
    /// Also makes a job.
    pub fn with_new_job(mut self, job: JobId, record: &JobRecord) -> Self {
        self.rows.put(Table::Jobs, job.to_bytes(), codec::encode(record));
        self
    }

    /// Also says how a job stands. Nothing of the draft is written unless it stands as before:
    /// [`crate::store::Unmet::Changed`].
    pub fn with_job(mut self, job: JobId, (before, after): (JobRecord, &JobRecord)) -> Self {
        self.rows.only_if(Condition::Job { job, stands: Box::new(before) });
        self.with_new_job(job, after)
    }

    /// Also keeps why a job could do nothing with a run.
    pub fn with_refusal(mut self, job: JobId, run: RunId, reason: &str) -> Self {
        self.rows.put(Table::JobRefusals, key(job, run), codec::encode(&reason));
        self
    }

    /// Also forgets a job, or some of what is kept with it: then the job itself is left for a later draft.
    pub fn without_job(mut self, store: &Store, job: JobId) -> Result<(Self, bool), StoreError> {
        let refusals = store.refusals(job, None, FORGOTTEN_AT_ONCE)?;
        let is_whole = refusals.len() < FORGOTTEN_AT_ONCE;
        for (run, _reason) in refusals {
            self.rows.delete(Table::JobRefusals, key(job, run));
        }
        if is_whole {
            self.rows.delete(Table::Jobs, job.to_bytes());
        }
        Ok((self, is_whole))
    }
}

impl Store {
    /// A job, if there is such a one.
    ///
    /// # Errors
    ///
    /// The store, or the record, cannot be read. The same holds for all functions here.
    pub fn job(&self, job: JobId) -> Result<Option<JobRecord>, StoreError> {
        self.record(Table::Jobs, &job.to_bytes())
    }

    /// The jobs before one, newest first: so many at most. One whose record cannot be read is left out, and the log
    /// says so.
    pub fn jobs(
        &self,
        before: Option<JobId>,
        max: usize,
    ) -> Result<Vec<(JobId, JobRecord)>, StoreError> {
        let Some(keys) = up_to([0; 16], before.map(JobId::to_bytes)) else { return Ok(Vec::new()) };
        let moment = self.moment()?;
        let mut jobs = Vec::new();
        for row in moment.range(Table::Jobs, &keys)?.rev().take(max) {
            let row = row?;
            jobs.extend(read(row.key(), row.value()));
        }
        Ok(jobs)
    }

    /// The jobs that have not ended, oldest first. One whose record cannot be read is none of them, and says so in
    /// the log.
    pub fn unfinished_jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let moment = self.moment()?;
        let mut jobs = Vec::new();
        for row in moment.rows(Table::Jobs)? {
            let row = row?;
            let job = read(row.key(), row.value());
            let going_on = job.filter(|(_, record)| record.ended_at.is_none());
            jobs.extend(going_on.map(|(job, _)| job));
        }
        Ok(jobs)
    }

    /// The runs before one with which a job could do nothing, newest first, each with the reason: so many at most.
    pub fn refusals(
        &self,
        job: JobId,
        before: Option<RunId>,
        max: usize,
    ) -> Result<Vec<(RunId, String)>, StoreError> {
        let Some(keys) = up_to([0; 16], before.map(RunId::to_bytes)) else { return Ok(Vec::new()) };
        let (first, last) = keys.into_ends();
        let of_job = |run: Vec<u8>| [&job.to_bytes()[..], &run].concat();
        let moment = self.moment()?;
        let keys = Between::new(of_job(first), of_job(last));
        let rows = moment.range(Table::JobRefusals, &keys)?.rev().take(max);
        rows.map(|row| {
            let row = row?;
            refusal(row.key(), row.value())
        })
        .collect()
    }
}

/// The job of a row of [`Table::Jobs`]. Nothing of one that is damaged, of which the log tells.
fn read(key: &[u8], value: &[u8]) -> Option<(JobId, JobRecord)> {
    let record = codec::decode::<JobRecord>(Table::Jobs.name(), value);
    let job = record.and_then(|record| Ok((job_of(key)?, record)));
    job.inspect_err(|error| tracing::error!(%error, "a job cannot be read")).ok()
}

/// The run of a row of [`Table::JobRefusals`], and the reason.
fn refusal(key: &[u8], value: &[u8]) -> Result<(RunId, String), StoreError> {
    let run = key.get(16..).and_then(keys::run);
    let run = run.ok_or_else(|| codec::bad_key(Table::JobRefusals))?;
    Ok((run, codec::decode(Table::JobRefusals.name(), value)?))
}

/// The key of a run with which a job could do nothing.
fn key(job: JobId, run: RunId) -> Vec<u8> {
    [job.to_bytes(), run.to_bytes()].concat()
}

/// The job of such a key, or of one in [`Table::Jobs`].
fn job_of(key: &[u8]) -> Result<JobId, StoreError> {
    let job = key.try_into().map(JobId::from_bytes);
    job.map_err(|_| codec::bad_key(Table::Jobs))
}

/// The names from one on to another, which is not among them; nothing where there is none.
fn up_to(first: [u8; 16], before: Option<[u8; 16]>) -> Option<Between> {
    let last = match before {
        None => [0xff; 16],
        Some(before) => u128::from_be_bytes(before).checked_sub(1)?.to_be_bytes(),
    };
    Some(Between::new(first.to_vec(), last.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use segno_journal::Timestamp;

    use super::*;
    use crate::store::{Committer, JobAction, Unmet};

    fn write(committer: &Committer, draft: Draft<()>) -> Result<(), StoreError> {
        let (done, written) = channel();
        committer.submit(draft, move |result| done.send(result.map(drop)).expect("heard"));
        committer.flush().expect("the store takes it");
        written.recv().expect("it is answered")
    }

    fn record() -> JobRecord {
        JobRecord {
            made_at: Timestamp(1),
            by: None,
            action: JobAction::Pause,
            filter: Vec::new(),
            matched: 0,
            more: false,
            at: run(0),
            done: 0,
            unchanged: 0,
            refused: 0,
            ended_at: None,
            stopped: None,
        }
    }

    fn job(number: u128) -> JobId {
        JobId::from_parts(Timestamp(1), number)
    }

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    #[test]
    fn what_two_say_of_a_job_at_once_is_written_of_one_of_them() {
        let store = Store::in_memory().expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        write(&committer, Draft::nothing().with_new_job(job(1), &record())).expect("it is written");
        let further = JobRecord { done: 5, ..record() };
        let stopped = JobRecord { ended_at: Some(Timestamp(2)), ..record() };
        let says = |after| Draft::nothing().with_job(job(1), (record(), after));
        write(&committer, says(&further)).expect("it is written");
        let refused = write(&committer, says(&stopped).with_refusal(job(1), run(1), "late"));
        assert!(matches!(refused, Err(StoreError::Unmet(Unmet::Changed))), "{refused:?}");
        assert_eq!(store.job(job(1)).expect("it can be read"), Some(further));
        assert_eq!(store.refusals(job(1), None, 10).expect("they can be read"), []);
        assert_eq!(store.unfinished_jobs().expect("they can be read"), [job(1)]);
    }

    #[test]
    fn jobs_and_what_they_could_not_do_are_listed_newest_first_and_forgotten_in_slices() {
        let store = Store::in_memory().expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        let refused = FORGOTTEN_AT_ONCE as u128 + 1;
        for number in [1, 2, 3] {
            let made = Draft::nothing().with_new_job(job(number), &record());
            let draft =
                (0..refused).fold(made, |draft, of| draft.with_refusal(job(number), run(of), "no"));
            write(&committer, draft).expect("it is written");
        }
        let listed = |before, max| {
            let jobs = store.jobs(before, max).expect("they can be read");
            jobs.into_iter().map(|(job, _)| job).collect::<Vec<_>>()
        };
        assert_eq!(listed(None, 10), [job(3), job(2), job(1)]);
        assert_eq!(listed(Some(job(3)), 1), [job(2)]);
        let refusals = |before| store.refusals(job(2), before, 2).expect("they can be read");
        assert_eq!(refusals(Some(run(3))), [(run(2), "no".to_owned()), (run(1), "no".to_owned())]);
        assert_eq!(refusals(Some(run(0))), []);
        let mut slices = 0;
        loop {
            let (draft, is_whole) =
                Draft::nothing().without_job(&store, job(2)).expect("it can be read");
            write(&committer, draft).expect("it is written");
            slices += 1;
            if is_whole {
                break;
            }
            assert!(store.job(job(2)).expect("it can be read").is_some(), "it goes last");
        }
        assert_eq!((slices, listed(None, 10)), (2, vec![job(3), job(1)]));
        assert_eq!(refusals(None), []);
        assert_eq!(
            store.refusals(job(3), None, 2_000).expect("they can be read").len() as u128,
            refused
        );
    }
}
