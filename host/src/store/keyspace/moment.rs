//! Reading tables as they were at one moment.

use std::ops::RangeBounds;

use crate::store::error::StoreError;
use crate::store::keyspace::changes::Shared;
use crate::store::keyspace::disk::{self, Row, Value};
use crate::store::keyspace::memory;
use crate::store::tables::Table;

/// All tables as they were at one moment. Whoever holds it holds the room of what is forgotten
/// meanwhile.
pub(in crate::store) enum Moment {
    Disk(disk::Moment),
    Memory(memory::Moment),
}

impl Moment {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// The storage cannot be read. The same holds for all functions here.
    pub(in crate::store) fn get(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self {
            Self::Disk(moment) => moment.get(table, key),
            Self::Memory(moment) => Ok(moment.get(table, key).map(Value::Shared)),
        }
    }

    /// Whether a table has a key.
    pub(in crate::store) fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.get(table, key).map(|value| value.is_some())
    }

    /// The rows of a table that lie between these keys, in their order, from either end. They are read
    /// as they are asked for.
    pub(in crate::store) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        match self {
            Self::Disk(moment) => moment.range(table, keys).map(Range::Disk),
            Self::Memory(moment) => Ok(Range::Memory(moment.range(table, keys))),
        }
    }

    /// All rows of a table, in the order of their keys, from either end.
    pub(in crate::store) fn rows(&self, table: Table) -> Result<Range<'_>, StoreError> {
        self.range(table, &..)
    }
}

/// Rows that are being read.
#[expect(clippy::large_enum_variant, reason = "it is short-lived, and a box takes longer")]
pub(in crate::store) enum Range<'a> {
    Disk(disk::Range<'a>),
    Memory(memory::Range<'a>),
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Row<'a>, StoreError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Disk(range) => range.next(),
            Self::Memory(range) => range.next().map(shared),
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Disk(range) => range.next_back(),
            Self::Memory(range) => range.next_back().map(shared),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "rows on disk can be unreadable")]
fn shared<'a>((key, value): (&Shared, &Shared)) -> Result<Row<'a>, StoreError> {
    Ok(Row::Shared(Shared::clone(key), Shared::clone(value)))
}
