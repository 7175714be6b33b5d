//! Reading turns: each with the payloads that are stored apart from it.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use redb::{AccessGuard, ReadTransaction, StorageError, TableHandle};
use segno_journal::{Digest, Op, RunId, Turn};

use crate::store::error::StoreError;
use crate::store::payloads::{self, Reference};
use crate::store::read::{Bytes, bad_key};
use crate::store::{Store, codec, tables};

impl Store {
    /// Visits the turns of a run in order, from a position on, until the visitor has enough.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn visit_turns(
        &self,
        run: RunId,
        from: u64,
        mut visit: impl FnMut(Turn) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut reader = Reader::new(self)?;
        let turns = reader.table(tables::TURNS)?;
        let first = tables::numbered(run, from);
        let last = tables::numbered(run, u64::MAX);
        for row in
            turns.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?
        {
            let (_, value) = row.map_err(StoreError::io)?;
            if visit(reader.turn(value.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The turn at a position.
    pub fn turn(&self, run: RunId, seq: u64) -> Result<Option<Turn>, StoreError> {
        let mut reader = Reader::new(self)?;
        let turns = reader.table(tables::TURNS)?;
        let value = turns.get(tables::numbered(run, seq).as_slice()).map_err(StoreError::io)?;
        value.map(|value| reader.turn(value.value())).transpose()
    }

    /// The last turn of a run.
    pub fn last_turn(&self, run: RunId) -> Result<Option<Turn>, StoreError> {
        let mut reader = Reader::new(self)?;
        let turns = reader.table(tables::TURNS)?;
        let first = tables::numbered(run, 0);
        let last = tables::numbered(run, u64::MAX);
        let mut range =
            turns.range::<&[u8]>(first.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        let Some(row) = range.next_back() else { return Ok(None) };
        let (_, value) = row.map_err(StoreError::io)?;
        reader.turn(value.value()).map(Some)
    }

    /// The first turn of a run that is on disk after a position.
    pub fn first_turn_after(&self, run: RunId, seq: u64) -> Result<Option<u64>, StoreError> {
        let turns = self.table(tables::TURNS)?;
        let after = tables::numbered(run, seq.saturating_add(1));
        let last = tables::numbered(run, u64::MAX);
        let mut range =
            turns.range::<&[u8]>(after.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        range.next().map(position).transpose()
    }

    /// The turn of a run that began an operation; nothing where it was forgotten, or where none has
    /// begun it. One turn is read whole, and of a few more their heads: as many as a binary search
    /// looks at.
    pub fn turn_that_began(&self, run: RunId, op: Op) -> Result<Option<Turn>, StoreError> {
        let mut reader = Reader::new(self)?;
        let turns = reader.table(tables::TURNS)?;
        let key = tables::numbered(run, self.last_not_after(&turns, run, op)?);
        let Some(row) = turns.get(key.as_slice()).map_err(StoreError::io)? else { return Ok(None) };
        let turn = reader.turn(row.value())?;
        let is_begun = turn.operations().any(|(begun, _)| begun == op);
        Ok(is_begun.then_some(turn))
    }

    /// Whether the turn at a position is on disk.
    pub fn has_turn(&self, run: RunId, seq: u64) -> Result<bool, StoreError> {
        let turns = self.table(tables::TURNS)?;
        let value = turns.get(tables::numbered(run, seq).as_slice()).map_err(StoreError::io)?;
        Ok(value.is_some())
    }

    /// The position of the last turn that numbers its operations from this one or from an earlier one.
    /// Turn 0 is never forgotten, and the others that are on disk follow one another.
    fn last_not_after(&self, turns: &Bytes, run: RunId, op: Op) -> Result<u64, StoreError> {
        let second = tables::numbered(run, 1);
        let last = tables::numbered(run, u64::MAX);
        let mut range =
            turns.range::<&[u8]>(second.as_slice()..=last.as_slice()).map_err(StoreError::io)?;
        let Some(oldest) = range.next().map(position).transpose()? else { return Ok(0) };
        let newest = range.next_back().map(position).transpose()?.unwrap_or(oldest);
        // All turns before `low` do so, and none from `high` on.
        let mut low = oldest;
        let mut high = newest.saturating_add(1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first_op(turns, run, middle)? <= op { low = middle + 1 } else { high = middle }
        }
        Ok(if low == oldest { 0 } else { low - 1 })
    }

    /// From which number on a turn numbers its operations. It stands at the head of its record, behind
    /// the references to payloads, the number of its fields and the position.
    fn first_op(&self, turns: &Bytes, run: RunId, seq: u64) -> Result<Op, StoreError> {
        self.count_row();
        let row = turns.get(tables::numbered(run, seq).as_slice()).map_err(StoreError::io)?;
        let table = tables::TURNS.name();
        let row =
            row.ok_or_else(|| codec::damaged(table, format!("turn {seq} of {run} is missing")))?;
        let ((_, (_, _, first_op)), _) =
            codec::decode_first::<(Vec<Reference>, (u64, u64, Op))>(table, row.value())?;
        Ok(first_op)
    }
}

type Row<'a> = (AccessGuard<'a, &'static [u8]>, AccessGuard<'a, &'static [u8]>);

/// The position of the turn of a row.
fn position(row: Result<Row<'_>, StorageError>) -> Result<u64, StoreError> {
    let (key, _) = row.map_err(StoreError::io)?;
    tables::split_numbered(key.value()).map(|(_, seq)| seq).ok_or_else(|| bad_key(tables::TURNS))
}

/// How many payloads a reader remembers: a workflow that polls is told the same again and again, and
/// passes it on as the input of a step or two. To decompress and check 100 KB takes 20 times what a
/// copy does.
const RECENT: usize = 4;

/// Makes turns of rows. All that it reads is of one moment, so no payload can go between the row
/// that refers to it and the look at it.
struct Reader<'a> {
    store: &'a Store,
    transaction: Arc<ReadTransaction>,
    /// Opened for the first turn that needs it, and kept for the next.
    payloads: Option<Bytes>,
    /// The payloads that were read last, newest first.
    recent: VecDeque<(Digest, Vec<u8>)>,
}

impl<'a> Reader<'a> {
    fn new(store: &'a Store) -> Result<Self, StoreError> {
        Ok(Self {
            store,
            transaction: store.begin_read()?,
            payloads: None,
            recent: VecDeque::new(),
        })
    }

    fn table(&self, table: tables::Table) -> Result<Bytes, StoreError> {
        self.transaction.open_table(table).map_err(StoreError::io)
    }

    /// The turn of a row, whole.
    fn turn(&mut self, row: &[u8]) -> Result<Turn, StoreError> {
        self.store.count_row();
        let (references, mut turn) =
            codec::decode::<(Vec<Reference>, Turn)>(tables::TURNS.name(), row)?;
        if !references.is_empty() {
            payloads::attach(&mut turn, &references, |digest| self.payload(digest))?;
        }
        Ok(turn)
    }

    fn payload(&mut self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        if let Some((_, value)) = self.recent.iter().find(|(recent, _)| *recent == digest) {
            return Ok(value.clone());
        }
        if self.payloads.is_none() {
            self.payloads = Some(self.table(tables::PAYLOADS)?);
        }
        let table = self.payloads.as_ref().expect("it was opened above");
        let row = table.get(digest.to_bytes().as_slice()).map_err(StoreError::io)?;
        let row = row.ok_or_else(|| payloads::damaged(format!("{digest} is missing")))?;
        let value = payloads::decode(digest, row.value())?;
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((digest, value.clone()));
        Ok(value)
    }
}
