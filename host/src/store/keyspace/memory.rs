//! Tables in memory, and gone with it: for tests and simulations that have no disk.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::store::error::StoreError;
use crate::store::tables::Table;

/// Shared with whoever reads it, at whichever moment.
pub(super) type Value = Arc<[u8]>;

/// The rows of a table. A moment shares them; whoever commits changes them in place where no moment
/// does, and else makes them anew.
type Rows = Arc<BTreeMap<Arc<[u8]>, Value>>;

type Tables = [Rows; Table::ALL.len()];

/// Rows that are being read.
pub(super) type Range<'a> = btree_map::Range<'a, Arc<[u8]>, Value>;

/// A row that was read.
pub(super) type Row<'a> = (&'a Arc<[u8]>, &'a Value);

/// Tables in memory.
#[derive(Default)]
pub(in crate::store) struct Space {
    committed: RwLock<Tables>,
    /// Held by the one who writes.
    writing: Mutex<()>,
}

impl Space {
    pub(super) fn is_new(&self) -> bool {
        self.committed.read().iter().all(|rows| rows.is_empty())
    }

    pub(super) fn moment(&self) -> Moment {
        Moment(self.committed.read().clone())
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Changes) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _writing = self.writing.lock();
        let mut changes = Changes { before: self.moment(), changed: BTreeMap::new() };
        let given = change(&mut changes)?;
        let Changes { before, changed } = changes;
        // Else all that is changed would be made anew for it.
        drop(before);
        let mut committed = self.committed.write();
        for ((table, key), value) in changed {
            let rows = Arc::make_mut(&mut committed[table as usize]);
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(given)
    }
}

/// All tables as they were at one moment.
pub(in crate::store) struct Moment(Tables);

impl Moment {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Value> {
        self.0[table as usize].get(key).map(Arc::clone)
    }

    pub(super) fn range(&self, table: Table, keys: &impl RangeBounds<[u8]>) -> Range<'_> {
        let rows = &self.0[table as usize];
        let keys = (keys.start_bound(), keys.end_bound());
        // What ends before it begins has no rows; a map takes it for a mistake.
        let is_empty = match keys {
            (Bound::Included(first), Bound::Included(last)) => first > last,
            (Bound::Included(first) | Bound::Excluded(first), Bound::Excluded(end))
            | (Bound::Excluded(first), Bound::Included(end)) => first >= end,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        };
        if is_empty { btree_map::Range::default() } else { rows.range::<[u8], _>(keys) }
    }
}

/// A transaction: what it has changed so far, and what was there before it.
pub(in crate::store) struct Changes {
    before: Moment,
    changed: BTreeMap<(Table, Arc<[u8]>), Option<Value>>,
}

impl Changes {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Value> {
        match self.changed.get(&(table, key.into())) {
            Some(changed) => changed.clone(),
            None => self.before.get(table, key),
        }
    }

    /// Changes a row; gives the value that was there.
    pub(super) fn set(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) -> Option<Value> {
        let changed = self.changed.insert((table, key.into()), value.map(Arc::from));
        changed.unwrap_or_else(|| self.before.get(table, key))
    }
}
