//! Deleting runs that have ended: all that the store has of one goes, in drafts of which each takes away so much and
//! no more.
//!
//! With the first draft the run is gone for all who ask: its record goes, and what else leads to it. What is left then
//! is found by the row in [`Table::Deleting`], which goes with the last draft. Each draft says only what is to go, so
//! two who delete one run do no harm.

use segno_journal::{Command, RunId, Timestamp, Turn};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::{Draft, Rows};
use crate::store::error::StoreError;
use crate::store::found::FoundRow;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::keyspace::Moment;
use crate::store::payloads::Reference;
use crate::store::ranges::{Behind, RowsOfRun};
use crate::store::records::{BatchRecord, FamilyRow, HookRecord, RunRecord, WebhookRecord};
use crate::store::tables::Table;

/// How many rows one draft takes away: so few that nobody waits for the commit that has it.
const MAX_ROWS: usize = 256;

/// How many bytes of them it reads for that.
const MAX_BYTES: usize = 1 << 20;

/// The tables that have rows of runs, by keys that begin with the run, besides the record itself.
const OF_RUNS: [Table; 16] = [
    Table::Turns,
    Table::Images,
    Table::Blocks,
    Table::Attempts,
    Table::Failing,
    Table::Losses,
    Table::HeldEvents,
    Table::Notes,
    Table::Heartbeats,
    Table::Published,
    Table::Family,
    Table::Streams,
    Table::Chunks,
    Table::Posted,
    Table::SetAside,
    Table::Attributes,
];

/// The tables of which rows lead to runs, and are not found from these: idempotency keys, tokens, and batches.
const LEADING: [Table; 4] = [Table::Keys, Table::Webhooks, Table::Hooks, Table::Batches];

/// Why a run that has ended is not deleted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeptFor {
    /// Somebody is to be called because it has ended, and that has not come.
    #[error(
        "who is to be called at its end was not reached; try again when the call has come, or is given up"
    )]
    Call,
    /// A child of it was told to end, and has not.
    #[error(
        "{0}, a child of it that was told to end, cleans up still; try again when that has ended"
    )]
    Child(RunId),
    /// The run that started it has not heard how it ended.
    #[error("{0}, which started it, has not heard how it ended; try again when that goes on")]
    Parent(RunId),
}

/// How much more a draft may take away.
#[derive(Debug)]
pub struct Room {
    rows: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { rows: MAX_ROWS, bytes: MAX_BYTES }
    }
}

impl Room {
    /// Whether there is some.
    #[must_use]
    pub const fn is_left(&self) -> bool {
        self.rows > 0 && self.bytes > 0
    }

    fn take(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Where a look at the rows that lead to runs goes on: behind this key of this table.
#[derive(Debug, Clone, Default)]
pub struct StraysFrom {
    table: usize,
    after: Option<Vec<u8>>,
}

impl Draft<()> {
    /// Also deletes a run that has ended: all of it, or so much that nobody finds it any more. Nothing of the draft is
    /// written where it goes on again, or is deleted: [`crate::store::Unmet`].
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for [`Draft::without_rest`].
    pub fn without_run(
        mut self,
        store: &Store,
        (run, record): (RunId, &RunRecord),
        room: &mut Room,
    ) -> Result<Self, StoreError> {
        self.rows.only_if(Condition::Ended { run, at: None });
        self.rows.delete(Table::Runs, run.to_bytes());
        self.rows.delete(Table::EndCalls, run.to_bytes());
        (0..2).for_each(|_| room.take(0));
        if let Some(key) = &record.key {
            let key = keys::idempotency(&record.workflow, key);
            let value = run.to_bytes().to_vec();
            self.rows.found.push(FoundRow { table: Table::Keys, key, value });
        }
        let is_whole = take_rows(&mut self.rows, &*store.moment()?, run, room)?;
        if !is_whole {
            self.rows.put(Table::Deleting, run.to_bytes(), []);
        }
        Ok(self)
    }

    /// Also deletes more of a run that nobody finds any more, and says whether that is the rest of it.
    pub fn without_rest(
        mut self,
        store: &Store,
        run: RunId,
        room: &mut Room,
    ) -> Result<(Self, bool), StoreError> {
        let is_whole = take_rows(&mut self.rows, &*store.moment()?, run, room)?;
        if is_whole {
            self.rows.delete(Table::Deleting, run.to_bytes());
        }
        Ok((self, is_whole))
    }
}

/// Takes rows of a run away, as many as there is room for; whether those were all.
fn take_rows(
    rows: &mut Rows,
    moment: &Moment,
    run: RunId,
    room: &mut Room,
) -> Result<bool, StoreError> {
    for table in OF_RUNS {
        for row in moment.range(table, &RowsOfRun::new(run))? {
            if !room.is_left() {
                return Ok(false);
            }
            let row = row?;
            room.take(row.value().len());
            if matches!(table, Table::Turns | Table::SetAside) {
                forget_tokens(rows, run, row.value());
            }
            rows.delete(table, row.key());
        }
    }
    Ok(true)
}

/// The tokens of the webhooks and hooks that a turn opened lead nowhere any more. Those of a turn that cannot be read,
/// or was forgotten before, are found by [`Store::strays`].
fn forget_tokens(rows: &mut Rows, run: RunId, row: &[u8]) {
    let read = codec::decode::<(Vec<Reference>, Turn)>(Table::Turns.name(), row);
    let Ok((_, turn)) = read else { return };
    for (op, command) in turn.operations() {
        match command {
            Command::Webhook { token, .. } => rows.delete(Table::Webhooks, token.as_bytes()),
            Command::Hook { token, .. } => rows.free_token(run, op, token),
            _ => {}
        }
    }
}

impl Store {
    /// Why a run that has ended is not to be deleted yet, if it is not. What this depends on does not come back: what
    /// may be deleted once may be deleted for ever.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn kept_for(&self, run: RunId) -> Result<Option<KeptFor>, StoreError> {
        let store = self.pinned()?;
        let moment = store.moment()?;
        if store.end_call(run)?.is_some_and(|call| call.due.is_some()) {
            return Ok(Some(KeptFor::Call));
        }
        for row in moment.range(Table::Family, &RowsOfRun::new(run))? {
            // One that cannot be read tells no child anything.
            let read = codec::decode::<FamilyRow>(Table::Family.name(), row?.value());
            if let Ok(FamilyRow::Cancels(child)) = read
                && moment.has(Table::Unfinished, &child.to_bytes())?
            {
                return Ok(Some(KeptFor::Child(child)));
            }
        }
        Ok(None)
    }

    /// The runs of which not all is deleted: so many at most.
    pub fn deleting(&self, max: usize) -> Result<Vec<RunId>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.rows(Table::Deleting)?.take(max);
        rows.map(|row| keys::run(row?.key()).ok_or_else(|| codec::bad_key(Table::Deleting)))
            .collect()
    }

    /// Takes away what leads to runs that are no more, and batches that were stored before a moment, where one is
    /// given: what is found among the next so many rows. Says where to go on; nowhere behind the last table.
    pub fn strays(
        &self,
        StraysFrom { table, after }: StraysFrom,
        (rows, batches_before): (usize, Option<Timestamp>),
    ) -> Result<(Draft<()>, Option<StraysFrom>), StoreError> {
        let mut draft = Draft::nothing();
        let Some(of) = LEADING.get(table).copied() else { return Ok((draft, None)) };
        let moment = self.moment()?;
        let mut bytes = 0;
        for (count, row) in (1..).zip(moment.range(of, &Behind::new(after.as_deref()))?) {
            let row = row?;
            if is_stray(&moment, (of, row.value()), batches_before)? {
                let (key, value) = (row.key().to_vec(), row.value().to_vec());
                bytes += key.len() + value.len();
                draft.rows.found.push(FoundRow { table: of, key, value });
            }
            if count == rows || draft.rows.found.len() == MAX_ROWS || bytes > MAX_BYTES {
                return Ok((draft, Some(StraysFrom { table, after: Some(row.key().to_vec()) })));
            }
        }
        Ok((draft, Some(StraysFrom { table: table + 1, after: None })))
    }
}

/// Whether a row leads to a run that is no more. What cannot be read is left to whoever mends it.
fn is_stray(
    moment: &Moment,
    (table, value): (Table, &[u8]),
    batches_before: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let name = table.name();
    let run = match table {
        Table::Keys => keys::run(value),
        Table::Webhooks => {
            codec::decode::<WebhookRecord>(name, value).ok().map(|record| record.run())
        }
        Table::Hooks => codec::decode::<HookRecord>(name, value).ok().map(|record| record.run()),
        _ => {
            let batch = codec::decode::<BatchRecord>(name, value).ok();
            return Ok(batch.zip(batches_before).is_some_and(|(batch, before)| batch.at < before));
        }
    };
    run.map_or(Ok(false), |run| Ok(!moment.has(Table::Runs, &run.to_bytes())?))
}

#[cfg(test)]
mod tests;
