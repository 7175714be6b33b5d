//! Rows that were changed, and not by whom.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::store::tables::Table;

/// Bytes that a transaction has brought, shared with whoever keeps or reads them.
pub(super) type Shared = Arc<[u8]>;

/// The rows of one table that were changed, in the order of their keys: each with its new value, or with
/// nothing where it was taken away.
pub(super) type ChangedRows = BTreeMap<Shared, Option<Shared>>;

/// What a transaction has changed so far. Nothing of it is anywhere else yet.
pub(super) struct Changes([ChangedRows; Table::ALL.len()]);

impl Default for Changes {
    fn default() -> Self {
        Self(std::array::from_fn(|_table| ChangedRows::default()))
    }
}

impl Changes {
    /// All rows that were changed, as they are to be.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        Table::ALL.into_iter().zip(&self.0).flat_map(|(table, rows)| {
            rows.iter().map(move |(key, value)| (table, &**key, value.as_deref()))
        })
    }

    /// All tables with their rows, to be kept.
    pub(super) fn into_tables(self) -> impl Iterator<Item = (Table, ChangedRows)> {
        Table::ALL.into_iter().zip(self.0)
    }

    /// What was made of a row, if anything was.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Shared>> {
        self.0[table as usize].get(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeMap::is_empty)
    }

    /// Changes a row; gives what the transaction had made of it before, if it has.
    pub(super) fn set(
        &mut self,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Option<Option<Shared>> {
        self.0[table as usize].insert(key.into(), value.map(Arc::from))
    }
}

/// Whether a range ends before it begins: it has no rows then.
pub(super) fn is_empty(keys: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match keys {
        (Bound::Included(first), Bound::Included(last)) => first > last,
        (Bound::Included(first) | Bound::Excluded(first), Bound::Excluded(end))
        | (Bound::Excluded(first), Bound::Included(end)) => first >= end,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}
