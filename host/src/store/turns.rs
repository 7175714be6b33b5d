//! Reading turns: each with the payloads that are stored apart from it.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use segno_journal::{Digest, Op, RunId, Turn};

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::keyspace::{Moment, Row};
use crate::store::payloads::{self, Reference};
use crate::store::tables::Table;

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
        let moment = self.moment()?;
        let mut reader = Reader::new(self, &moment);
        for row in moment.range(Table::Turns, &keys::rows_from(run, from))? {
            if visit(reader.turn(row?.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The turn at a position.
    pub fn turn(&self, run: RunId, seq: u64) -> Result<Option<Turn>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Turns, &keys::numbered(run, seq))?;
        value.map(|value| Reader::new(self, &moment).turn(&value)).transpose()
    }

    /// The last turn of a run.
    pub fn last_turn(&self, run: RunId) -> Result<Option<Turn>, StoreError> {
        let moment = self.moment()?;
        let last = moment.range(Table::Turns, &keys::rows_of(run))?.next_back();
        last.map(|row| Reader::new(self, &moment).turn(row?.value())).transpose()
    }

    /// The first turn of a run that is on disk after a position.
    pub fn first_turn_after(&self, run: RunId, seq: u64) -> Result<Option<u64>, StoreError> {
        let moment = self.moment()?;
        let after = keys::rows_from(run, seq.saturating_add(1));
        moment.range(Table::Turns, &after)?.next().map(position).transpose()
    }

    /// The turn of a run that began an operation; nothing where it was forgotten, or where none has
    /// begun it. One turn is read whole, and of a few more their heads: as many as a binary search
    /// looks at.
    pub fn turn_that_began(&self, run: RunId, op: Op) -> Result<Option<Turn>, StoreError> {
        let moment = self.moment()?;
        let key = keys::numbered(run, self.last_not_after(&moment, run, op)?);
        let Some(row) = moment.get(Table::Turns, &key)? else { return Ok(None) };
        let turn = Reader::new(self, &moment).turn(&row)?;
        let is_begun = turn.operations().any(|(begun, _)| begun == op);
        Ok(is_begun.then_some(turn))
    }

    /// Whether the turn at a position is on disk.
    pub fn has_turn(&self, run: RunId, seq: u64) -> Result<bool, StoreError> {
        self.moment()?.has(Table::Turns, &keys::numbered(run, seq))
    }

    /// The position of the last turn that numbers its operations from this one or from an earlier one.
    /// Turn 0 is never forgotten, and the others that are on disk follow one another.
    fn last_not_after(&self, moment: &Moment, run: RunId, op: Op) -> Result<u64, StoreError> {
        let mut range = moment.range(Table::Turns, &keys::rows_from(run, 1))?;
        let Some(oldest) = range.next().map(position).transpose()? else { return Ok(0) };
        let newest = range.next_back().map(position).transpose()?.unwrap_or(oldest);
        // All turns before `low` do so, and none from `high` on.
        let mut low = oldest;
        let mut high = newest.saturating_add(1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first_op(moment, run, middle)? <= op { low = middle + 1 } else { high = middle }
        }
        Ok(if low == oldest { 0 } else { low - 1 })
    }

    /// From which number on a turn numbers its operations. It stands at the head of its record, behind
    /// the references to payloads, the number of its fields and the position.
    fn first_op(&self, moment: &Moment, run: RunId, seq: u64) -> Result<Op, StoreError> {
        self.count_row();
        let row = moment.get(Table::Turns, &keys::numbered(run, seq))?;
        let table = Table::Turns.name();
        let row =
            row.ok_or_else(|| codec::damaged(table, format!("turn {seq} of {run} is missing")))?;
        let ((_, (_, _, first_op)), _) =
            codec::decode_first::<(Vec<Reference>, (u64, u64, Op))>(table, &row)?;
        Ok(first_op)
    }
}

/// The position of the turn of a row.
fn position(row: Result<Row<'_>, StoreError>) -> Result<u64, StoreError> {
    codec::number(Table::Turns, row?.key())
}

/// How many payloads a reader remembers: a workflow that polls is told the same again and again, and
/// passes it on as the input of a step or two. To decompress and check 100 KB takes 20 times what a
/// copy does.
const RECENT: usize = 4;

/// Makes turns of rows. All that it reads is of one moment, so no payload can go between the row
/// that refers to it and the look at it.
pub(super) struct Reader<'a> {
    store: &'a Store,
    moment: &'a Moment,
    /// The payloads that were read last, newest first.
    recent: VecDeque<(Digest, Vec<u8>)>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(store: &'a Store, moment: &'a Moment) -> Self {
        Self { store, moment, recent: VecDeque::new() }
    }

    /// The turn of a row, whole.
    pub(super) fn turn(&mut self, row: &[u8]) -> Result<Turn, StoreError> {
        self.store.count_row();
        let (references, mut turn) =
            codec::decode::<(Vec<Reference>, Turn)>(Table::Turns.name(), row)?;
        if !references.is_empty() {
            payloads::attach(&mut turn, &references, |digest| self.payload(digest))?;
        }
        Ok(turn)
    }

    fn payload(&mut self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        if let Some((_, value)) = self.recent.iter().find(|(recent, _)| *recent == digest) {
            return Ok(value.clone());
        }
        let row = self.moment.get(Table::Payloads, &digest.to_bytes())?;
        let row = row.ok_or_else(|| payloads::damaged(format!("{digest} is missing")))?;
        let value = payloads::decode(digest, &row)?;
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((digest, value.clone()));
        Ok(value)
    }
}
