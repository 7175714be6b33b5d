//! Appending to the log.

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::layer::BatchNumber;
use crate::store::keyspace::disk::log::record::{self, LogId};
use crate::store::keyspace::disk::log::segment::{SEGMENTS, Segment};

/// How much room for the next batch is kept when one is written, in bytes.
const KEPT_ROOM: usize = 1 << 20;

/// The log of a store that is open.
pub(in crate::store::keyspace::disk) struct Log {
    pub(super) id: LogId,
    pub(super) segments: [Segment; SEGMENTS],
    /// The segment that is written.
    pub(super) active: usize,
    /// The number of the next batch.
    pub(super) next: BatchNumber,
    pub(super) full_at: u64,
    /// What is written next; kept for its room.
    pub(super) buffer: Vec<u8>,
    pub(super) first_failure: FirstFailure,
}

impl Log {
    /// Appends what a transaction has changed, and gives its number. It is committed when this is over.
    ///
    /// # Errors
    ///
    /// It is not on the disk, or may not be. Nothing can be appended any more, as after every failure of
    /// the store's storage.
    pub(in crate::store::keyspace::disk) fn append(
        &mut self,
        changes: &Changes,
    ) -> Result<BatchNumber, StoreError> {
        if let Some(error) = self.first_failure.get() {
            return Err(error.clone());
        }
        let number = self.next;
        let start = record::write(&mut self.buffer, self.id, number, changes)?;
        self.segments[self.active].append(&self.buffer[start..])?;
        self.next += 1;
        if self.buffer.capacity() > KEPT_ROOM {
            self.buffer = Vec::new();
        }
        Ok(number)
    }

    /// Whether the other segment is to be written from now on. One without a batch never is.
    pub(in crate::store::keyspace::disk) fn is_full(&self) -> bool {
        let active = &self.segments[self.active];
        !active.is_empty() && active.end() >= self.full_at
    }

    /// Begins the other segment. All of its batches must be in the file of pages.
    pub(in crate::store::keyspace::disk) fn turn_over(&mut self) -> Result<(), StoreError> {
        let next = (self.active + 1) % SEGMENTS;
        self.segments[next].begin_again(self.full_at.saturating_mul(2))?;
        self.active = next;
        Ok(())
    }

    /// Which log it is.
    pub(in crate::store::keyspace::disk) const fn id(&self) -> LogId {
        self.id
    }
}
