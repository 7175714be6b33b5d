//! Reading: each call sees what was committed before it.

use std::ops::ControlFlow;

use segno_journal::retry::Attempt;
use segno_journal::{Digest, Losses, Op, RunId, Timestamp};
use serde::de::DeserializeOwned;

use crate::store::codec::{self, bad_key};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::ranges::RunsBefore;
use crate::store::records::{HeldEvent, ModuleRecord, Note, RunRecord, WebhookRecord};
use crate::store::tables::{self, Table};

impl Store {
    /// The record of a run.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.record(Table::Runs, &run.to_bytes())
    }

    /// Visits the runs before one, newest first, until the visitor has enough.
    pub fn visit_runs(
        &self,
        before: Option<RunId>,
        mut visit: impl FnMut(RunId, RunRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        for row in moment.range(Table::Runs, &RunsBefore::new(before))?.rev() {
            let row = row?;
            let run = run_of(Table::Runs, row.key())?;
            if visit(run, codec::decode(Table::Runs.name(), row.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The run with the last name.
    pub fn newest_run(&self) -> Result<Option<RunId>, StoreError> {
        let moment = self.moment()?;
        let last = moment.range(Table::Runs, &RunsBefore::new(None))?.next_back();
        last.map(|row| run_of(Table::Runs, row?.key())).transpose()
    }

    /// The runs before one that have not ended, newest first: so many at most.
    pub fn unfinished_before(
        &self,
        before: Option<RunId>,
        max: usize,
    ) -> Result<Vec<RunId>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Unfinished, &RunsBefore::new(before))?.rev().take(max);
        rows.map(|row| run_of(Table::Unfinished, row?.key())).collect()
    }

    /// The runs that have not ended, oldest first.
    pub fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.rows(Table::Unfinished)?;
        rows.map(|row| run_of(Table::Unfinished, row?.key())).collect()
    }

    /// The last attempt of an operation that failed and was tried again.
    pub fn last_attempt(&self, run: RunId, op: Op) -> Result<Option<Attempt>, StoreError> {
        let moment = self.moment()?;
        let last = moment.range(Table::Attempts, &keys::attempts_of(run, op))?.next_back();
        last.map(|row| codec::decode(Table::Attempts.name(), row?.value())).transpose()
    }

    /// The attempts of a run that failed and were tried again, by operation and number.
    pub fn attempts(&self, run: RunId) -> Result<Vec<(Op, Attempt)>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Attempts, &keys::rows_of(run))?;
        rows.map(|row| {
            self.count_row();
            let row = row?;
            let op = keys::op_of_attempt(row.key()).ok_or_else(|| bad_key(Table::Attempts))?;
            Ok((op, codec::decode(Table::Attempts.name(), row.value())?))
        })
        .collect()
    }

    /// The attempts of an operation that failed and were tried again, by number.
    pub fn attempts_of(&self, run: RunId, op: Op) -> Result<Vec<Attempt>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Attempts, &keys::attempts_of(run, op))?;
        rows.map(|row| {
            self.count_row();
            codec::decode(Table::Attempts.name(), row?.value())
        })
        .collect()
    }

    /// The steps of a run of which an attempt failed, and that are not over: so many at most, those
    /// that were asked for first.
    pub fn failing(&self, run: RunId, max: usize) -> Result<Vec<Op>, StoreError> {
        Ok(self.numbers(Table::Failing, run, max)?.into_iter().map(Op).collect())
    }

    /// How often the host went down while a step ran, of all steps of which that is known. Of a record
    /// that is damaged nothing is known: it must not keep the host from starting.
    pub fn losses(&self) -> Result<Vec<(RunId, Op, Losses)>, StoreError> {
        self.of_steps(Table::Losses)
    }

    /// What a run shows under a name, as JSON.
    pub fn published(&self, run: RunId, name: &str) -> Result<Option<String>, StoreError> {
        self.record(Table::Published, &keys::named(run, name))
    }

    /// What steps that are under way last said of how far they are, as JSON. What cannot be read is left
    /// out: the next attempt begins without it.
    pub fn heartbeats(&self) -> Result<Vec<(RunId, Op, String)>, StoreError> {
        self.of_steps(Table::Heartbeats)
    }

    pub(super) fn of_steps<R: DeserializeOwned>(
        &self,
        table: Table,
    ) -> Result<Vec<(RunId, Op, R)>, StoreError> {
        let moment = self.moment()?;
        let mut known = Vec::new();
        for row in moment.rows(table)? {
            let row = row?;
            let step = keys::split_numbered(row.key());
            match (step, codec::decode(table.name(), row.value())) {
                (Some((run, op)), Ok(record)) => known.push((run, Op(op), record)),
                (step, _) => {
                    let table = table.name();
                    tracing::warn!(?step, table, "a record cannot be read, and is not heeded");
                }
            }
        }
        Ok(known)
    }

    /// Where events of a run are held, whether they can be read or not.
    pub fn held_positions(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.numbers(Table::HeldEvents, run, usize::MAX)
    }

    /// Where the images of a run stand, whether they can be read or not.
    pub fn image_positions(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.numbers(Table::Images, run, usize::MAX)
    }

    /// The events that wait for a blocked run, in order, with their positions. All of them: there may
    /// be as many as the run has operations open.
    pub fn held(&self, run: RunId) -> Result<Vec<(u64, HeldEvent)>, StoreError> {
        let mut held = Vec::new();
        self.visit_held(run, 0, |position, event| {
            held.push((position, event));
            ControlFlow::Continue(())
        })?;
        Ok(held)
    }

    /// The notes of a run, in order: those that stand before a turn from `from` on.
    pub fn notes(&self, run: RunId, from: u64) -> Result<Vec<Note>, StoreError> {
        let mut notes = Vec::new();
        self.visit_numbered(Table::Notes, run, 0, |_number, note: Note| {
            if note.turn >= from {
                notes.push(note);
            }
            ControlFlow::Continue(())
        })?;
        Ok(notes)
    }

    /// The number of the next note of a run.
    pub fn next_note(&self, run: RunId) -> Result<u64, StoreError> {
        let moment = self.moment()?;
        let last = moment.range(Table::Notes, &keys::rows_of(run))?.next_back();
        let Some(row) = last else { return Ok(1) };
        Ok(codec::number(Table::Notes, row?.key())?.saturating_add(1))
    }

    /// The first event that waits for a blocked run from a position on.
    pub fn first_held(
        &self,
        run: RunId,
        from: u64,
    ) -> Result<Option<(u64, HeldEvent)>, StoreError> {
        let mut first = None;
        self.visit_held(run, from, |position, held| {
            first = Some((position, held));
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Visits the events that wait for a blocked run, in order, from a position on, until the visitor has
    /// enough. One is in memory at a time.
    pub fn visit_held(
        &self,
        run: RunId,
        from: u64,
        visit: impl FnMut(u64, HeldEvent) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.visit_numbered(Table::HeldEvents, run, from, visit)
    }

    /// Where a webhook token leads, if its run is kept.
    pub fn webhook(&self, token: &str) -> Result<Option<WebhookRecord>, StoreError> {
        let store = self.pinned()?;
        let record: Option<WebhookRecord> = store.record(Table::Webhooks, token.as_bytes())?;
        let Some(record) = record else { return Ok(None) };
        let is_kept = store.moment()?.has(Table::Runs, &record.run().to_bytes())?;
        Ok(is_kept.then_some(record))
    }

    /// When the host was stopped in an orderly way, if it has not been started since.
    pub fn stopped_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Meta, tables::STOPPED_KEY)?;
        let bytes = value.and_then(|value| <[u8; 8]>::try_from(&*value).ok());
        Ok(bytes.map(|bytes| Timestamp(u64::from_le_bytes(bytes))))
    }

    /// Which run an idempotency key started, if that is kept.
    pub fn started_by(&self, workflow: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        self.of_key((workflow, key), Table::Runs)
    }

    /// Which run an idempotency key started, if that has not ended.
    pub fn running_by(&self, workflow: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        self.of_key((workflow, key), Table::Unfinished)
    }

    /// The run that an idempotency key leads to, if this table has it.
    fn of_key(
        &self,
        (workflow, key): (&str, &str),
        table: Table,
    ) -> Result<Option<RunId>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Keys, &keys::idempotency(workflow, key))?;
        let Some(run) = value.map(|value| run_of(Table::Keys, &value)).transpose()? else {
            return Ok(None);
        };
        Ok(moment.has(table, &run.to_bytes())?.then_some(run))
    }

    /// All modules, by digest.
    pub fn modules(&self) -> Result<Vec<(Digest, ModuleRecord)>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.rows(Table::Modules)?;
        rows.map(|row| {
            let row = row?;
            let digest = digest_of(Table::Modules, row.key())?;
            Ok((digest, codec::decode(Table::Modules.name(), row.value())?))
        })
        .collect()
    }

    /// The code of a module.
    pub fn code(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Code, &digest.to_bytes())?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// Which module new runs of each workflow are started on.
    pub fn workflows(&self) -> Result<Vec<(String, Digest)>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.rows(Table::Workflows)?;
        rows.map(|row| {
            let row = row?;
            let workflow =
                String::from_utf8(row.key().to_vec()).map_err(|_| bad_key(Table::Workflows))?;
            Ok((workflow, digest_of(Table::Workflows, row.value())?))
        })
        .collect()
    }

    pub(super) fn record<R: DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<R>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(table, key)?;
        value.map(|value| codec::decode(table.name(), &value)).transpose()
    }

    /// The numbers in the keys of a run's rows, in order: so many at most.
    fn numbers(&self, table: Table, run: RunId, max: usize) -> Result<Vec<u64>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(table, &keys::rows_of(run))?.take(max);
        rows.map(|row| codec::number(table, row?.key())).collect()
    }

    fn visit_numbered<R: DeserializeOwned>(
        &self,
        table: Table,
        run: RunId,
        from: u64,
        mut visit: impl FnMut(u64, R) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        for row in moment.range(table, &keys::rows_from(run, from))? {
            let row = row?;
            let number = codec::number(table, row.key())?;
            if visit(number, codec::decode(table.name(), row.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn run_of(table: Table, bytes: &[u8]) -> Result<RunId, StoreError> {
    bytes.try_into().map(RunId::from_bytes).map_err(|_| bad_key(table))
}

fn digest_of(table: Table, bytes: &[u8]) -> Result<Digest, StoreError> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| bad_key(table))
}
