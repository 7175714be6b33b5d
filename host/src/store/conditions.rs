//! What has to hold in its commit for a draft to be written: otherwise nothing of it is. Nobody outside of the
//! store decides that, so it holds for many hosts on one store.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use segno_journal::{JobId, RunId, Timestamp};

use crate::store::codec;
use crate::store::error::{StoreError, Unmet};
use crate::store::job_records::JobRecord;
use crate::store::keys;
use crate::store::keyspace::Transaction;
use crate::store::records::{HookRecord, RunRecord};
use crate::store::tables::Table;
use crate::store::tokens::taken_from;

/// What has to hold for a draft, and what did not.
#[derive(Default)]
pub(super) struct Conditions {
    conditions: Vec<Condition>,
    /// The runs among them.
    runs: BTreeSet<RunId>,
    unmet: OnceLock<Unmet>,
}

/// One thing that has to hold.
pub(super) enum Condition {
    /// The idempotency key of this row has started no other run that is kept; it has started this one then.
    NewKey { row: Vec<u8>, run: RunId },
    /// The idempotency key of this row has started no other run that has not ended; it has started this one then.
    FreeKey { row: Vec<u8>, run: RunId },
    /// No batch has this key; this one has it then.
    NewBatch { key: String, record: Vec<u8> },
    /// The run has not ended.
    Unfinished(RunId),
    /// The run has ended, at this moment where one is given, and is kept.
    Ended { run: RunId, at: Option<Timestamp> },
    /// No other hook has the token of this one; it has it then.
    FreeToken { token: String, hook: Box<HookRecord> },
    /// The job stands so.
    Job { job: JobId, stands: Box<JobRecord> },
}

impl Conditions {
    /// One more.
    pub(super) fn add(&mut self, condition: Condition) {
        let is_said = match condition {
            Condition::Unfinished(run) => !self.runs.insert(run),
            Condition::NewKey { .. }
            | Condition::FreeKey { .. }
            | Condition::NewBatch { .. }
            | Condition::Ended { .. }
            | Condition::FreeToken { .. }
            | Condition::Job { .. } => false,
        };
        if !is_said {
            self.conditions.push(condition);
        }
    }

    /// How much room they take while they wait, in bytes.
    pub(super) fn size(&self) -> usize {
        self.conditions.iter().map(Condition::size).sum()
    }

    /// Whether all of them hold, as the transaction is; keeps in mind which one does not. What they reserve is
    /// taken only where all do.
    pub(super) fn hold(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        for condition in &self.conditions {
            if let Some(unmet) = condition.unmet(transaction)? {
                let _first = self.unmet.set(unmet);
                return Ok(false);
            }
        }
        self.conditions.iter().for_each(|condition| condition.reserve(transaction));
        Ok(true)
    }

    /// What did not hold when the draft was to be written.
    pub(super) fn unmet(&self) -> Option<Unmet> {
        self.unmet.get().copied()
    }
}

impl Condition {
    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::NewKey { row, .. } | Self::FreeKey { row, .. } => row.len(),
                Self::NewBatch { key, record } => key.len() + record.len(),
                Self::Unfinished(_) | Self::Ended { .. } => 0,
                Self::FreeToken { token, .. } => token.len() + size_of::<HookRecord>(),
                Self::Job { .. } => size_of::<JobRecord>(),
            }
    }

    fn unmet(&self, transaction: &Transaction) -> Result<Option<Unmet>, StoreError> {
        Ok(match self {
            Self::NewKey { row, run } => other_than(*run, transaction, (row, Table::Runs))?,
            Self::FreeKey { row, run } => other_than(*run, transaction, (row, Table::Unfinished))?,
            Self::NewBatch { key, .. } => {
                transaction.get(Table::Batches, key.as_bytes())?.map(|_| Unmet::Stored)
            }
            Self::Unfinished(run) => {
                let unfinished = transaction.get(Table::Unfinished, &run.to_bytes())?;
                unfinished.is_none().then_some(Unmet::Ended(*run))
            }
            Self::Ended { run, at } => {
                let goes_on = transaction.get(Table::Unfinished, &run.to_bytes())?.is_some();
                let record = transaction.get(Table::Runs, &run.to_bytes())?;
                match (goes_on, record, at) {
                    (true, ..) => Some(Unmet::GoesOn(*run)),
                    (false, None, _) => Some(Unmet::Gone(*run)),
                    (false, Some(record), Some(at)) if !has_ended_at(&record, *at) => {
                        Some(Unmet::GoesOn(*run))
                    }
                    (false, Some(_), _) => None,
                }
            }
            Self::FreeToken { token, hook } => {
                let other = taken_from(transaction, (hook.run(), hook.op), token)?;
                other.map(|(run, _op)| Unmet::TokenTaken(run))
            }
            Self::Job { job, stands } => {
                let row = transaction.get(Table::Jobs, &job.to_bytes())?;
                // One that is damaged stands in no way.
                let record =
                    row.and_then(|row| codec::decode::<JobRecord>(Table::Jobs.name(), &row).ok());
                (record.as_ref() != Some(&**stands)).then_some(Unmet::Changed)
            }
        })
    }

    fn reserve(&self, transaction: &mut Transaction) {
        match self {
            Self::NewKey { row, run } | Self::FreeKey { row, run } => {
                transaction.put(Table::Keys, row, &run.to_bytes());
            }
            Self::NewBatch { key, record } => {
                transaction.put(Table::Batches, key.as_bytes(), record);
            }
            Self::Unfinished(_) | Self::Ended { .. } | Self::Job { .. } => {}
            Self::FreeToken { token, hook } => {
                transaction.put(Table::Hooks, token.as_bytes(), &codec::encode(&**hook));
            }
        }
    }
}

/// Whether the record of a run says that it ended then. One that is damaged says nothing else.
fn has_ended_at(record: &[u8], at: Timestamp) -> bool {
    let record = codec::decode::<RunRecord>(Table::Runs.name(), record);
    record.map_or(true, |record| record.standing.ended_at() == Some(at))
}

/// The run that an idempotency key has started, if it is another one and this table has it. A row that is damaged
/// names nobody.
fn other_than(
    run: RunId,
    transaction: &Transaction,
    (row, table): (&[u8], Table),
) -> Result<Option<Unmet>, StoreError> {
    let there = transaction.get(Table::Keys, row)?.and_then(|row| keys::run(&row));
    let Some(other) = there.filter(|there| *there != run) else { return Ok(None) };
    let is_kept = transaction.get(table, &other.to_bytes())?.is_some();
    Ok(is_kept.then_some(Unmet::Started(other)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use segno_journal::{Event, Op, Signal, Timestamp, Turn, Verdict};

    use super::*;
    use crate::store::{
        BatchRecord, Committer, Draft, HeldEvent, Posted, RunRecord, Standing, StartKey, Store,
    };

    /// Writes a draft; what of it did not hold, if something did not.
    fn write<T: Send + 'static>(committer: &Committer, draft: Draft<T>) -> Option<Unmet> {
        let (done, written) = channel();
        committer.submit(draft, move |written| done.send(written.map(drop)).expect("heard"));
        committer.flush().expect("the store takes it");
        match written.recv().expect("it is answered") {
            Ok(()) => None,
            Err(StoreError::Unmet(unmet)) => Some(unmet),
            Err(error) => panic!("{error}"),
        }
    }

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    fn signal() -> HeldEvent {
        let signal = Signal { number: 0, name: "a".into(), payload: "1".into(), key: None };
        HeldEvent { at: Timestamp(1), event: Event::Signalled { signal } }
    }

    fn record(standing: Standing) -> RunRecord {
        RunRecord::new(
            "w".into(),
            segno_journal::Digest::from_bytes([0; 32]),
            Timestamp(1),
            [0; 32],
            standing,
        )
    }

    fn begun() -> (Store, Committer) {
        let store = Store::in_memory().expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        (store, committer)
    }

    #[test]
    fn of_two_runs_with_one_key_the_second_is_not_written() {
        let (store, committer) = begun();
        let start = |run: RunId| {
            let ended = Standing::Completed(Timestamp(1));
            let event = Event::Started { input: format!("\"{}\"", "x".repeat(100_000)) };
            let (commands, verdict, log) = (vec![], Verdict::Completed("1".into()), vec![]);
            let (seq, first_op, at) = (0, Op(0), Timestamp(1));
            let turn = Turn { seq, first_op, at, event, commands, verdict, log };
            let draft = Draft::turn(run, turn, vec![]).with_run(run, &record(ended));
            draft.with_key("w", Some(StartKey::Once("k".to_owned())), run)
        };
        assert_eq!(write(&committer, start(run(1))), None);
        assert_eq!(write(&committer, start(run(2))), Some(Unmet::Started(run(1))));
        assert_eq!(store.started_by("w", "k").expect("it can be read"), Some(run(1)));
        assert_eq!(store.run(run(2)).expect("it can be read"), None);
        assert_eq!(store.turn(run(2), 0).expect("it can be read"), None);
        let mut found = Vec::new();
        store.check(&mut |what| found.push(what)).expect("it can be read");
        assert!(found.is_empty(), "its payloads do not count: {found:?}");
        assert_eq!(write(&committer, start(run(1))), None, "what is told twice is told once");
    }

    #[test]
    fn a_key_for_one_at_a_time_leads_to_one_run_that_has_not_ended() {
        let (store, committer) = begun();
        let standing = |run: RunId, standing| Draft::nothing().with_run(run, &record(standing));
        let start = |run: RunId| {
            let key = Some(StartKey::OneAtATime("k".to_owned()));
            standing(run, Standing::Running).with_key("w", key, run)
        };
        let known = |key| store.started_by("w", key).expect("it can be read");
        assert_eq!(write(&committer, start(run(1))), None);
        assert_eq!(write(&committer, start(run(1))), None, "what is told twice is told once");
        assert_eq!(write(&committer, start(run(2))), Some(Unmet::Started(run(1))));
        assert_eq!(store.running_by("w", "k").expect("it can be read"), Some(run(1)));
        let once = standing(run(3), Standing::Running);
        let once = once.with_key("w", Some(StartKey::Once("k".to_owned())), run(3));
        let ended = Standing::Failed(Timestamp(2));
        assert_eq!(write(&committer, standing(run(1), ended.clone())), None);
        assert_eq!(store.running_by("w", "k").expect("it can be read"), None);
        assert_eq!(known("k"), Some(run(1)), "it is kept");
        assert_eq!(write(&committer, once), Some(Unmet::Started(run(1))));
        assert_eq!(write(&committer, start(run(2))), None);
        assert_eq!((known("k"), known("other")), (Some(run(2)), None));
    }

    #[test]
    fn a_batch_of_which_one_run_has_ended_is_not_written_and_its_key_is_free() {
        let (store, committer) = begun();
        let posted = |number| Posted { run: run(number), batch: [7; 16], number: 0 };
        let batch = BatchRecord { at: Timestamp(1), fingerprint: 7, runs: vec![run(3)] };
        let both = || {
            let draft = Draft::nothing().with_batch("b", &batch);
            let draft = draft.with_posted(&posted(1), &signal());
            draft.with_posted(&posted(2), &signal())
        };
        let ended = Standing::Completed(Timestamp(2));
        let draft = Draft::nothing().with_run(run(1), &record(Standing::Running));
        assert_eq!(write(&committer, draft.with_run(run(2), &record(ended))), None);
        assert_eq!(write(&committer, both()), Some(Unmet::Ended(run(2))));
        assert_eq!(store.batch("b").expect("it can be read"), None);
        assert_eq!(store.all_posted().expect("it can be read"), []);
        let draft = Draft::nothing().with_run(run(2), &record(Standing::Running));
        assert_eq!(write(&committer, draft), None);
        assert_eq!(write(&committer, both()), None);
        assert_eq!(store.batch("b").expect("it can be read"), Some(batch.clone()));
        assert_eq!(store.all_posted().expect("it can be read"), [posted(1), posted(2)]);
        assert_eq!(store.posted_to(run(2)).expect("it can be read"), [posted(2)]);
        assert_eq!(store.posted(&posted(2)).expect("it can be read"), Some(signal()));
        assert_eq!(write(&committer, both()), Some(Unmet::Stored));
        assert_eq!(write(&committer, Draft::nothing().without_posted(&posted(1))), None);
        assert_eq!(store.all_posted().expect("it can be read"), [posted(2)]);
    }
}
