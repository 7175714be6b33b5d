//! The seam between the store and its storage: tables of bytes to bytes, read as they are at one
//! moment, and changed by one transaction at a time.
//!
//! Nothing above knows what is below: codecs, payloads, images and all reads are written once. What
//! each storage must hold to is a suite of tests, `contract`.

mod changes;
#[cfg(test)]
mod contract;
mod disk;
mod memory;
mod moment;
mod transaction;

use std::fs::File;

pub(super) use self::disk::Row;
pub use self::disk::{BackendError, Checkpoints, Storage, StorageBackend};
pub(super) use self::disk::{log_paths, pages_of};
pub(super) use self::moment::{Moment, Range};
pub(super) use self::transaction::Transaction;

use crate::store::codec;
use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::changes::Changes;
use crate::store::place::At;
use crate::store::tables::Table;

/// Tables of bytes to bytes.
pub(super) enum Keyspace {
    /// In files, or on any other storage.
    Disk(disk::Space),
    /// In memory.
    Memory(memory::Space),
}

impl Keyspace {
    /// In files that are there, with so many bytes of them kept in memory.
    ///
    /// # Errors
    ///
    /// It cannot be opened. The same holds for all that open one.
    pub(super) fn open(at: At<'_>, storage: Storage, cache: usize) -> Result<Self, StoreError> {
        disk::Space::open(at, storage, cache).map(Self::Disk)
    }

    /// As [`Keyspace::open`], and all that is in the log is brought into the file of pages first: a disk
    /// that takes that will take what follows.
    pub(super) fn open_settled(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        disk::Space::open_settled(at, storage, cache).map(Self::Disk)
    }

    /// In an empty file of pages, which has no log: each transaction is written to it at once. For one
    /// that is made and has no host yet.
    pub(super) fn create(at: At<'_>, pages: File) -> Result<Self, StoreError> {
        disk::Space::create(at, pages).map(Self::Disk)
    }

    /// As [`Keyspace::open`], and everything is checked: to be given a storage of which nothing is
    /// changed.
    pub(super) fn open_to_look(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        disk::Space::open_to_look(at, storage, cache).map(Self::Disk)
    }

    /// Makes a file of pages that is in order, and has nothing in its log, as small as it can be.
    ///
    /// # Errors
    ///
    /// It cannot be opened or written. What was moved until then is where it is.
    pub(super) fn compact(at: At<'_>, pages: Box<dyn StorageBackend>) -> Result<(), StoreError> {
        disk::Space::compact(at, pages)
    }

    /// In memory, and gone with it.
    pub(super) fn in_memory() -> Self {
        Self::Memory(memory::Space::default())
    }

    /// Whether nothing was ever written: it does not say of itself what it is.
    pub(super) fn is_new(&self) -> Result<bool, StoreError> {
        Ok(self.moment()?.rows(Table::Meta)?.next().transpose()?.is_none())
    }

    /// All tables as they are at this moment. What is committed later is not seen.
    pub(super) fn moment(&self) -> Result<Moment, StoreError> {
        match self {
            Self::Disk(space) => Ok(Moment::Disk(space.moment())),
            Self::Memory(space) => Ok(Moment::Memory(space.moment())),
        }
    }

    /// Changes tables in one transaction, which is on disk when this is over, or is not there at all.
    /// One is written at a time, so whoever comes second waits, and sees what the first has written.
    ///
    /// # Errors
    ///
    /// The storage fails; a fence is not where it is expected; or `change` gives an error. Nothing is
    /// changed then.
    pub(super) fn write<T>(
        &self,
        fences: &[Fence],
        change: impl FnOnce(&mut Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let changed = |before: Moment| -> Result<(T, Changes), StoreError> {
            let mut transaction = Transaction::on(before);
            fences.iter().try_for_each(|fence| fence.check(&transaction))?;
            let given = change(&mut transaction)?;
            Ok((given, transaction.into_changes()))
        };
        match self {
            Self::Disk(space) => space.write(|before| changed(Moment::Disk(before))),
            Self::Memory(space) => space.write(|before| changed(Moment::Memory(before))),
        }
    }

    /// How many bytes of it are kept in memory besides those that are on disk.
    pub(super) fn cached(&self) -> usize {
        match self {
            Self::Disk(space) => space.cached(),
            Self::Memory(_) => 0,
        }
    }

    /// What failed first, as soon as something has.
    pub(super) fn first_failure(&self) -> FirstFailure {
        match self {
            Self::Disk(space) => space.first_failure(),
            Self::Memory(_) => FirstFailure::default(),
        }
    }

    /// Lets the storage go, and says whether it could be left in order.
    pub(super) fn close(self, at: At<'_>) -> Result<(), StoreError> {
        match self {
            Self::Disk(space) => space.close(at),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// What a transaction expects of a shard: that it is still in this epoch. Whoever takes a shard over
/// raises its epoch first, and from then on nothing is written by who had it before.
///
/// The epoch lies in `meta`; that of a shard which was never taken over is 0. A host that has its
/// store for itself expects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    shard: u32,
    epoch: u64,
}

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "for hosts that share a store; the contract holds it")
)]
impl Fence {
    /// A shard in an epoch.
    pub(super) const fn new(shard: u32, epoch: u64) -> Self {
        Self { shard, epoch }
    }

    /// Brings the shard into the epoch, as part of a transaction.
    pub(super) fn raise(self, transaction: &mut Transaction) {
        transaction.put(Table::Meta, &self.key(), &self.epoch.to_le_bytes());
    }
}

impl Fence {
    /// The key in `meta`: `fence`, and the shard, big-endian.
    fn key(self) -> [u8; 9] {
        let mut key = *b"fence\0\0\0\0";
        key[5..].copy_from_slice(&self.shard.to_be_bytes());
        key
    }

    fn check(self, transaction: &Transaction) -> Result<(), StoreError> {
        let row = transaction.get(Table::Meta, &self.key())?;
        let found = row.map_or(Ok(0), |row| {
            let bytes = <[u8; 8]>::try_from(&*row);
            let no_number = |_| codec::damaged(Table::Meta.name(), "a fence is no number".into());
            bytes.map(u64::from_le_bytes).map_err(no_number)
        })?;
        if found == self.epoch {
            return Ok(());
        }
        Err(StoreError::Fenced { shard: self.shard, expected: self.epoch, found })
    }
}
