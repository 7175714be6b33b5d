//! Batches: several starts and signals that are all stored, or none of them. The runs are written as children
//! are, with their starts held. The signals wait in rows of their own for the shards of their runs, which
//! alone know where the events of those go.

use segno_journal::{Event, RunId};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys::Between;
use crate::store::records::{BatchRecord, HeldEvent};
use crate::store::tables::Table;

/// A signal of a batch, which its run has not taken: where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// To whom it was sent.
    pub run: RunId,
    /// The batch: bytes that no other one has.
    pub batch: [u8; 16],
    /// Its number in the batch.
    pub number: u32,
}

impl Posted {
    /// The key of its row.
    fn key(&self) -> Vec<u8> {
        [&self.run.to_bytes()[..], &self.batch, &self.number.to_be_bytes()].concat()
    }

    /// The signal of such a key.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let (run, rest) = key.split_first_chunk::<16>()?;
        let (batch, number) = rest.split_first_chunk::<16>()?;
        let number = u32::from_be_bytes(number.try_into().ok()?);
        Some(Self { run: RunId::from_bytes(*run), batch: *batch, number })
    }

    /// The keys of all signals to a run.
    fn all_to(run: RunId) -> Between {
        let key = |batch, number| Self { run, batch, number }.key();
        Between::new(key([0; 16], 0), key([0xff; 16], u32::MAX))
    }
}

impl<T> Draft<T> {
    /// Also stores a batch under its idempotency key. Nothing of the draft is written where there is one:
    /// [`crate::store::Unmet::Stored`].
    pub fn with_batch(mut self, key: &str, record: &BatchRecord) -> Self {
        let record = codec::encode(record);
        self.rows.only_if(Condition::NewBatch { key: key.to_owned(), record });
        self
    }

    /// Also stores a signal for its run. Nothing of the draft is written where that has ended:
    /// [`crate::store::Unmet::Ended`].
    pub fn with_posted(mut self, posted: &Posted, held: &HeldEvent) -> Self {
        self.rows.only_if(Condition::Unfinished(posted.run));
        self.rows.put(Table::Posted, posted.key(), codec::encode(held));
        self
    }

    /// Also forgets a signal of a batch: its run has it, or takes it no more.
    pub fn without_posted(mut self, posted: &Posted) -> Self {
        self.rows.delete(Table::Posted, posted.key());
        self
    }
}

impl Store {
    /// The batch with this idempotency key, if one is stored.
    ///
    /// # Errors
    ///
    /// The store, or the record, cannot be read.
    pub fn batch(&self, key: &str) -> Result<Option<BatchRecord>, StoreError> {
        self.record(Table::Batches, key.as_bytes())
    }

    /// A signal of a batch that its run has not taken. None where it has.
    ///
    /// # Errors
    ///
    /// The store, or the record, cannot be read.
    pub fn posted(&self, posted: &Posted) -> Result<Option<HeldEvent>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Posted, &posted.key())?;
        value.map(|value| read_posted(&value)).transpose()
    }

    /// All signals of batches that their runs have not taken: for each run in the order of the batches and
    /// of the signals in them.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn all_posted(&self) -> Result<Vec<Posted>, StoreError> {
        let moment = self.moment()?;
        let mut all = Vec::new();
        for row in moment.rows(Table::Posted)? {
            match Posted::of_key(row?.key()) {
                Some(posted) => all.push(posted),
                None => {
                    tracing::warn!("a row of `posted` has a key that is none, and is not heeded")
                }
            }
        }
        Ok(all)
    }

    /// Those of one run.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn posted_to(&self, run: RunId) -> Result<Vec<Posted>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Posted, &Posted::all_to(run))?;
        rows.map(|row| Posted::of_key(row?.key()).ok_or_else(|| codec::bad_key(Table::Posted)))
            .collect()
    }
}

/// What lies in a row of [`Table::Posted`]: a signal.
pub(super) fn read_posted(value: &[u8]) -> Result<HeldEvent, StoreError> {
    let held: HeldEvent = codec::decode(Table::Posted.name(), value)?;
    match held.event {
        Event::Signalled { .. } => Ok(held),
        _ => Err(codec::damaged(Table::Posted.name(), "it is no signal".to_owned())),
    }
}
