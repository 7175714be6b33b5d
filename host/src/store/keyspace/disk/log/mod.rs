//! The log in front of the file of pages: a batch is committed when it stands here.
//!
//! Two segments are written in turn. The rows of each are in memory as well, in a layer; when one is full
//! the other one is begun, and meanwhile the layer of the first goes into the file. Only when that is on
//! the disk may the segment be written again.

mod found;
mod record;
mod segment;

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::disk::layer::BatchNumber;
use crate::store::keyspace::disk::log::segment::Segment;
use crate::store::keyspace::transaction::Changes;

pub(super) use crate::store::keyspace::disk::log::found::open;
pub(super) use crate::store::keyspace::disk::log::record::LogId;

/// How many segments a log has.
pub(super) const SEGMENTS: usize = 2;

/// After how many bytes a segment is full: what a host that starts again reads, and what it keeps in
/// memory, twice. The last batch may go beyond.
pub(super) const FULL_AT: u64 = 32 << 20;

/// The log of a store that is open.
pub(super) struct Log {
    id: LogId,
    segments: [Segment; SEGMENTS],
    /// The segment that is written.
    active: usize,
    /// The number of the next batch.
    next: BatchNumber,
    full_at: u64,
    /// What is written next; kept for its room.
    buffer: Vec<u8>,
    first_failure: FirstFailure,
}

impl Log {
    /// Appends what a transaction has changed, and gives its number. It is committed when this is over.
    ///
    /// # Errors
    ///
    /// It is not on the disk, or may not be. Nothing can be appended any more, as after every failure of
    /// the store's storage.
    pub(super) fn append(&mut self, changes: &Changes) -> Result<BatchNumber, StoreError> {
        if let Some(error) = self.first_failure.get() {
            return Err(error.clone());
        }
        let number = self.next;
        record::write(&mut self.buffer, self.id, number, changes)?;
        self.segments[self.active].append(&self.buffer)?;
        self.next += 1;
        Ok(number)
    }

    /// Whether the other segment is to be written from now on. One without a batch never is.
    pub(super) fn is_full(&self) -> bool {
        let active = &self.segments[self.active];
        !active.is_empty() && active.end() >= self.full_at
    }

    /// Begins the other segment. All of its batches must be in the file of pages.
    pub(super) fn turn_over(&mut self) -> Result<(), StoreError> {
        self.active = (self.active + 1) % SEGMENTS;
        self.segments[self.active].begin_again(2 * self.full_at)
    }

    /// Which log it is.
    pub(super) const fn id(&self) -> LogId {
        self.id
    }
}
