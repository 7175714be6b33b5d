//! Reading: each call sees what was committed before it.

use std::ops::ControlFlow;

use redb::{ReadOnlyTable, ReadableTable, TableHandle};
use segno_journal::retry::Attempt;
use segno_journal::{Digest, Losses, Op, RunId, Timestamp};
use serde::de::DeserializeOwned;

use crate::store::error::StoreError;
use crate::store::records::{ModuleRecord, Note, Parked, RunRecord, WebhookRecord};
use crate::store::tables::{self, Table};
use crate::store::{Store, codec};

pub(super) type Bytes = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Store {
    /// The record of a run.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.record(tables::RUNS, &run.to_bytes())
    }

    /// Visits the runs before one, newest first, until the visitor has enough.
    pub fn visit_runs(
        &self,
        before: Option<RunId>,
        mut visit: impl FnMut(RunId, RunRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let table = self.table(tables::RUNS)?;
        let end = before.unwrap_or_else(|| RunId::from_bytes([0xff; 16])).to_bytes();
        for row in table.range::<&[u8]>(..end.as_slice()).map_err(StoreError::io)?.rev() {
            let (key, value) = row.map_err(StoreError::io)?;
            let run = run_of(tables::RUNS, key.value())?;
            if visit(run, codec::decode(tables::RUNS.name(), value.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Visits the runs before one that have not ended, newest first, until the visitor has enough.
    pub fn visit_unfinished(
        &self,
        before: Option<RunId>,
        mut visit: impl FnMut(RunId, RunRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let store = self.pinned()?;
        let table = store.table(tables::UNFINISHED)?;
        let end = before.unwrap_or_else(|| RunId::from_bytes([0xff; 16])).to_bytes();
        for row in table.range::<&[u8]>(..end.as_slice()).map_err(StoreError::io)?.rev() {
            let run = run_of(tables::UNFINISHED, row.map_err(StoreError::io)?.0.value())?;
            if let Some(record) = store.run(run)?
                && visit(run, record).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// The runs before one that have not ended, newest first: so many at most.
    pub fn unfinished_before(
        &self,
        before: Option<RunId>,
        max: usize,
    ) -> Result<Vec<RunId>, StoreError> {
        let table = self.table(tables::UNFINISHED)?;
        let end = before.unwrap_or_else(|| RunId::from_bytes([0xff; 16])).to_bytes();
        let rows = table.range::<&[u8]>(..end.as_slice()).map_err(StoreError::io)?.rev().take(max);
        rows.map(|row| run_of(tables::UNFINISHED, row.map_err(StoreError::io)?.0.value())).collect()
    }

    /// The runs that have not ended, oldest first.
    pub fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        let table = self.table(tables::UNFINISHED)?;
        let rows = table.iter().map_err(StoreError::io)?;
        rows.map(|row| run_of(tables::UNFINISHED, row.map_err(StoreError::io)?.0.value())).collect()
    }

    /// The last attempt of an operation that failed and was tried again.
    pub fn last_attempt(&self, run: RunId, op: Op) -> Result<Option<Attempt>, StoreError> {
        let rows = self.table(tables::ATTEMPTS)?;
        let first = tables::attempt(run, op, 0);
        let last = tables::attempt(run, op, u32::MAX);
        let mut range =
            rows.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        let Some(row) = range.next_back() else { return Ok(None) };
        let (_, value) = row.map_err(StoreError::io)?;
        codec::decode(tables::ATTEMPTS.name(), value.value()).map(Some)
    }

    /// The attempts of a run that failed and were tried again, by operation and number.
    pub fn attempts(&self, run: RunId) -> Result<Vec<(Op, Attempt)>, StoreError> {
        let table = self.table(tables::ATTEMPTS)?;
        let first = tables::attempt(run, Op(0), 0);
        let last = tables::attempt(run, Op(u64::MAX), u32::MAX);
        let rows =
            table.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        rows.map(|row| {
            self.count_row();
            let (key, value) = row.map_err(StoreError::io)?;
            let op = tables::op_of_attempt(key.value()).ok_or_else(|| bad_key(tables::ATTEMPTS))?;
            Ok((op, codec::decode(tables::ATTEMPTS.name(), value.value())?))
        })
        .collect()
    }

    /// The attempts of an operation that failed and were tried again, by number.
    pub fn attempts_of(&self, run: RunId, op: Op) -> Result<Vec<Attempt>, StoreError> {
        let table = self.table(tables::ATTEMPTS)?;
        let first = tables::attempt(run, op, 0);
        let last = tables::attempt(run, op, u32::MAX);
        let rows =
            table.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        rows.map(|row| {
            self.count_row();
            let (_, value) = row.map_err(StoreError::io)?;
            codec::decode(tables::ATTEMPTS.name(), value.value())
        })
        .collect()
    }

    /// The steps of a run of which an attempt failed, and that are not over: so many at most, those
    /// that were asked for first.
    pub fn failing(&self, run: RunId, max: usize) -> Result<Vec<Op>, StoreError> {
        Ok(self.numbers(tables::FAILING, run, max)?.into_iter().map(Op).collect())
    }

    /// How often the host went down while a step ran, of all steps of which that is known. Of a record
    /// that is damaged nothing is known: it must not keep the host from starting.
    pub fn losses(&self) -> Result<Vec<(RunId, Op, Losses)>, StoreError> {
        let table = self.table(tables::LOSSES)?;
        let mut losses = Vec::new();
        for row in table.iter().map_err(StoreError::io)? {
            let (key, value) = row.map_err(StoreError::io)?;
            match (
                tables::split_numbered(key.value()),
                codec::decode(tables::LOSSES.name(), value.value()),
            ) {
                (Some((run, op)), Ok(known)) => losses.push((run, Op(op), known)),
                (step, _) => {
                    tracing::warn!(?step, "a record of `losses` cannot be read, and is not heeded")
                }
            }
        }
        Ok(losses)
    }

    /// Where events of a run lie parked, whether they can be read or not.
    pub fn parked_positions(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.numbers(tables::PARKED, run, usize::MAX)
    }

    /// Where the images of a run stand, whether they can be read or not.
    pub fn image_positions(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.numbers(tables::IMAGES, run, usize::MAX)
    }

    /// The events that wait for a parked run, in order, with their positions. All of them: there may
    /// be as many as the run has operations open.
    pub fn parked(&self, run: RunId) -> Result<Vec<(u64, Parked)>, StoreError> {
        let mut parked = Vec::new();
        self.visit_parked(run, 0, |position, event| {
            parked.push((position, event));
            ControlFlow::Continue(())
        })?;
        Ok(parked)
    }

    /// The notes of a run, in order: those that stand before a turn from `from` on.
    pub fn notes(&self, run: RunId, from: u64) -> Result<Vec<Note>, StoreError> {
        let mut notes = Vec::new();
        self.visit_numbered(tables::NOTES, run, 0, |_number, note: Note| {
            if note.turn >= from {
                notes.push(note);
            }
            ControlFlow::Continue(())
        })?;
        Ok(notes)
    }

    /// The number of the next note of a run.
    pub fn next_note(&self, run: RunId) -> Result<u64, StoreError> {
        let rows = self.table(tables::NOTES)?;
        let first = tables::numbered(run, 0);
        let last = tables::numbered(run, u64::MAX);
        let mut rows =
            rows.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        let Some(row) = rows.next_back() else { return Ok(1) };
        let (key, _) = row.map_err(StoreError::io)?;
        let (_, number) =
            tables::split_numbered(key.value()).ok_or_else(|| bad_key(tables::NOTES))?;
        Ok(number.saturating_add(1))
    }

    /// The first event that waits for a parked run from a position on.
    pub fn first_parked(&self, run: RunId, from: u64) -> Result<Option<(u64, Parked)>, StoreError> {
        let mut first = None;
        self.visit_parked(run, from, |position, parked| {
            first = Some((position, parked));
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Visits the events that wait for a parked run, in order, from a position on, until the visitor has
    /// enough. One is in memory at a time.
    pub fn visit_parked(
        &self,
        run: RunId,
        from: u64,
        visit: impl FnMut(u64, Parked) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.visit_numbered(tables::PARKED, run, from, visit)
    }

    /// Where a webhook token leads.
    pub fn webhook(&self, token: &str) -> Result<Option<WebhookRecord>, StoreError> {
        self.record(tables::WEBHOOKS, token.as_bytes())
    }

    /// When the host was stopped in an orderly way, if it has not been started since.
    pub fn stopped_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let meta = self.table(tables::META)?;
        let value = meta.get(tables::STOPPED_KEY).map_err(StoreError::io)?;
        let bytes = value.and_then(|value| <[u8; 8]>::try_from(value.value()).ok());
        Ok(bytes.map(|bytes| Timestamp(u64::from_le_bytes(bytes))))
    }

    /// Which run an idempotency key started.
    pub fn started_by(&self, workflow: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        let table = self.table(tables::KEYS)?;
        let value =
            table.get(tables::idempotency(workflow, key).as_slice()).map_err(StoreError::io)?;
        value.map(|value| run_of(tables::KEYS, value.value())).transpose()
    }

    /// All modules, by digest.
    pub fn modules(&self) -> Result<Vec<(Digest, ModuleRecord)>, StoreError> {
        let table = self.table(tables::MODULES)?;
        let rows = table.iter().map_err(StoreError::io)?;
        rows.map(|row| {
            let (key, value) = row.map_err(StoreError::io)?;
            let digest = digest_of(tables::MODULES, key.value())?;
            Ok((digest, codec::decode(tables::MODULES.name(), value.value())?))
        })
        .collect()
    }

    /// The code of a module.
    pub fn code(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.table(tables::CODE)?;
        let value = table.get(digest.to_bytes().as_slice()).map_err(StoreError::io)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    /// Which module new runs of each workflow are started on.
    pub fn workflows(&self) -> Result<Vec<(String, Digest)>, StoreError> {
        let table = self.table(tables::WORKFLOWS)?;
        let rows = table.iter().map_err(StoreError::io)?;
        rows.map(|row| {
            let (key, value) = row.map_err(StoreError::io)?;
            let workflow =
                String::from_utf8(key.value().to_vec()).map_err(|_| bad_key(tables::WORKFLOWS))?;
            Ok((workflow, digest_of(tables::WORKFLOWS, value.value())?))
        })
        .collect()
    }

    pub(super) fn table(&self, table: Table) -> Result<Bytes, StoreError> {
        self.begin_read()?.open_table(table).map_err(StoreError::io)
    }

    fn record<R: DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<R>, StoreError> {
        // What `get` gives does not keep the transaction: without the table, the page that it lies on
        // could be freed while it is read.
        let rows = self.table(table)?;
        let value = rows.get(key).map_err(StoreError::io)?;
        value.map(|value| codec::decode(table.name(), value.value())).transpose()
    }

    /// The numbers in the keys of a run's rows, in order: so many at most.
    fn numbers(&self, table: Table, run: RunId, max: usize) -> Result<Vec<u64>, StoreError> {
        let rows = self.table(table)?;
        let first = tables::numbered(run, 0);
        let last = tables::numbered(run, u64::MAX);
        let rows =
            rows.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        rows.take(max)
            .map(|row| {
                let (key, _) = row.map_err(StoreError::io)?;
                tables::split_numbered(key.value())
                    .map(|(_, number)| number)
                    .ok_or_else(|| bad_key(table))
            })
            .collect()
    }

    fn visit_numbered<R: DeserializeOwned>(
        &self,
        table: Table,
        run: RunId,
        from: u64,
        mut visit: impl FnMut(u64, R) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let rows = self.table(table)?;
        let first = tables::numbered(run, from);
        let last = tables::numbered(run, u64::MAX);
        for row in
            rows.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?
        {
            let (key, value) = row.map_err(StoreError::io)?;
            let (_, number) = tables::split_numbered(key.value()).ok_or_else(|| bad_key(table))?;
            if visit(number, codec::decode(table.name(), value.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn bad_key(table: Table) -> StoreError {
    StoreError::Record { table: table.name().into(), detail: "its key is damaged".into() }
}

fn run_of(table: Table, bytes: &[u8]) -> Result<RunId, StoreError> {
    bytes.try_into().map(RunId::from_bytes).map_err(|_| bad_key(table))
}

fn digest_of(table: Table, bytes: &[u8]) -> Result<Digest, StoreError> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| bad_key(table))
}
