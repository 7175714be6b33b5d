//! The seam between the store and its storage: tables of bytes to bytes, read as they are at one
//! moment, and changed by one transaction at a time.
//!
//! Nothing above knows what is below: codecs, payloads, images and all reads are written once. What
//! each storage must hold to is a suite of tests, `contract`.

#[cfg(test)]
mod contract;
mod memory;
mod redb;

use std::fs::File;
use std::ops::{Deref, RangeBounds};

pub use self::redb::{BackendError, StorageBackend};

use crate::store::codec;
use crate::store::error::{FirstFailure, StoreError};
use crate::store::place::At;
use crate::store::tables::Table;

/// Tables of bytes to bytes.
pub(super) enum Keyspace {
    /// In a file, or on any other storage of pages.
    Redb(redb::Space),
    /// In memory.
    Memory(memory::Space),
}

impl Keyspace {
    /// In a file that is there, with so many of its bytes kept in memory.
    ///
    /// # Errors
    ///
    /// It cannot be opened. The same holds for all that open one.
    pub(super) fn open(at: At<'_>, file: File, cache: usize) -> Result<Self, StoreError> {
        redb::Space::open(at, file, cache).map(Self::Redb)
    }

    /// In an empty file.
    pub(super) fn create(at: At<'_>, file: File) -> Result<Self, StoreError> {
        redb::Space::create(at, file).map(Self::Redb)
    }

    /// In a file of which nothing is changed, and that is checked whole: what is written stays in
    /// memory.
    pub(super) fn open_to_look(at: At<'_>, file: File, cache: usize) -> Result<Self, StoreError> {
        redb::Space::open_to_look(at, file, cache).map(Self::Redb)
    }

    /// On any storage of pages, with so many of its bytes kept in memory.
    pub(super) fn open_on(storage: impl StorageBackend, cache: usize) -> Result<Self, StoreError> {
        redb::Space::open_on(storage, cache).map(Self::Redb)
    }

    /// In memory, and gone with it.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::Memory(memory::Space::default()))
    }

    /// Whether nothing was ever written: it has no tables yet.
    pub(super) fn is_new(&self) -> Result<bool, StoreError> {
        match self {
            Self::Redb(space) => space.is_new(),
            Self::Memory(space) => Ok(space.is_new()),
        }
    }

    /// All tables as they are at this moment. What is committed later is not seen.
    pub(super) fn moment(&self) -> Result<Moment, StoreError> {
        match self {
            Self::Redb(space) => space.moment().map(Moment::Redb),
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
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fenced = |mut transaction: Transaction<'_>| {
            fences.iter().try_for_each(|fence| fence.check(&mut transaction))?;
            change(&mut transaction)
        };
        match self {
            Self::Redb(space) => space.write(|open| fenced(Transaction::Redb(Box::new(open)))),
            Self::Memory(space) => space.write(|changes| fenced(Transaction::Memory(changes))),
        }
    }

    /// Whether commits from now on also keep what it takes to open the file at once after a crash.
    pub(super) fn set_quick_restart(&self, quick_restart: bool) {
        match self {
            Self::Redb(space) => space.set_quick_restart(quick_restart),
            Self::Memory(_) => {}
        }
    }

    /// How many bytes of it are kept in memory besides those that are on disk.
    pub(super) fn cached(&self) -> usize {
        match self {
            Self::Redb(space) => space.cached(),
            Self::Memory(_) => 0,
        }
    }

    /// What failed first, as soon as something has.
    pub(super) fn first_failure(&self) -> FirstFailure {
        match self {
            Self::Redb(space) => space.first_failure(),
            Self::Memory(_) => FirstFailure::default(),
        }
    }

    /// Lets the storage go, and says whether it could be left in order.
    pub(super) fn close(self, at: At<'_>) -> Result<(), StoreError> {
        match self {
            Self::Redb(space) => space.close(at),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// All tables as they were at one moment. Whoever holds it holds the room of what is forgotten
/// meanwhile.
#[expect(clippy::large_enum_variant, reason = "it is shared, and so it is boxed by who has it")]
pub(super) enum Moment {
    Redb(redb::Moment),
    Memory(memory::Moment),
}

impl Moment {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// The storage cannot be read. The same holds for all functions here.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value<'_>>, StoreError> {
        match self {
            Self::Redb(moment) => Ok(moment.get(table, key)?.map(Value::Redb)),
            Self::Memory(moment) => Ok(moment.get(table, key).map(Value::Memory)),
        }
    }

    /// Whether a table has a key.
    pub(super) fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.get(table, key).map(|value| value.is_some())
    }

    /// The rows of a table that lie between these keys, in their order, from either end. They are read
    /// as they are asked for.
    pub(super) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        match self {
            Self::Redb(moment) => moment.range(table, keys).map(Range::Redb),
            Self::Memory(moment) => Ok(Range::Memory(moment.range(table, keys))),
        }
    }

    /// All rows of a table, in the order of their keys, from either end.
    pub(super) fn rows(&self, table: Table) -> Result<Range<'_>, StoreError> {
        self.range(table, &..)
    }
}

/// Bytes that are lent by a moment or a transaction.
pub(super) enum Value<'a> {
    Redb(redb::Value<'a>),
    Memory(memory::Value),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Redb(value) => value.value(),
            Self::Memory(value) => value,
        }
    }
}

/// A row: a key and its value, as a moment lends them.
pub(super) enum Row<'a> {
    Redb(redb::Row<'a>),
    Memory(memory::Row<'a>),
}

impl Row<'_> {
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        match self {
            Self::Redb((key, _)) => key.value(),
            Self::Memory((key, _)) => key,
        }
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        match self {
            Self::Redb((_, value)) => value.value(),
            Self::Memory((_, value)) => value,
        }
    }
}

/// Rows that are being read.
#[expect(clippy::large_enum_variant, reason = "it is short-lived, and a box takes longer")]
pub(super) enum Range<'a> {
    Redb(redb::Range<'a>),
    Memory(memory::Range<'a>),
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Row<'a>, StoreError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Redb(range) => range.next().map(|row| redb::read(row).map(Row::Redb)),
            Self::Memory(range) => range.next().map(|row| Ok(Row::Memory(row))),
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Redb(range) => range.next_back().map(|row| redb::read(row).map(Row::Redb)),
            Self::Memory(range) => range.next_back().map(|row| Ok(Row::Memory(row))),
        }
    }
}

/// A transaction that is being written.
pub(super) enum Transaction<'a> {
    Redb(Box<redb::Open<'a>>),
    Memory(&'a mut memory::Changes),
}

impl Transaction<'_> {
    /// Makes all tables.
    ///
    /// # Errors
    ///
    /// The storage fails. The same holds for all functions here.
    pub(super) fn create(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Redb(open) => open.create(),
            Self::Memory(_) => Ok(()),
        }
    }

    /// The value of a key, as the transaction has left it so far.
    pub(super) fn get(
        &mut self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self {
            Self::Redb(open) => Ok(open.get(table, key)?.map(Value::Redb)),
            Self::Memory(changes) => Ok(changes.get(table, key).map(Value::Memory)),
        }
    }

    /// Writes a row, over what was there.
    pub(super) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.replace(table, key, value).map(drop)
    }

    /// Writes a row, and gives the value that was there.
    pub(super) fn replace(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self {
            Self::Redb(open) => Ok(open.insert(table, key, value)?.map(Value::Redb)),
            Self::Memory(changes) => Ok(changes.set(table, key, Some(value)).map(Value::Memory)),
        }
    }

    /// Writes a row where none is, and gives the value that is there, if one is.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for hosts that share a store; the contract holds it")
    )]
    pub(super) fn put_if_absent(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let there = self.get(table, key)?.map(|value| value.to_vec());
        if there.is_none() {
            self.put(table, key, value)?;
        }
        Ok(there)
    }

    /// Takes a row away, if it is there.
    pub(super) fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.take(table, key).map(drop)
    }

    /// Takes a row away, and gives the value that was there.
    pub(super) fn take(
        &mut self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self {
            Self::Redb(open) => Ok(open.remove(table, key)?.map(Value::Redb)),
            Self::Memory(changes) => Ok(changes.set(table, key, None).map(Value::Memory)),
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
    pub(super) fn raise(self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        transaction.put(Table::Meta, &self.key(), &self.epoch.to_le_bytes())
    }
}

impl Fence {
    /// The key in `meta`: `fence`, and the shard, big-endian.
    fn key(self) -> [u8; 9] {
        let mut key = *b"fence\0\0\0\0";
        key[5..].copy_from_slice(&self.shard.to_be_bytes());
        key
    }

    fn check(self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
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
