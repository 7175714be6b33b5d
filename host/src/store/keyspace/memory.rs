//! Tables in memory, and gone with it: for tests and simulations that have no disk.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::RangeBounds;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::store::error::StoreError;
use crate::store::keyspace::changes::{Changes, Shared, is_empty};
use crate::store::tables::Table;

/// The rows of a table. A moment shares them; whoever commits changes them in place where no moment
/// does, and else makes them anew.
type Rows = Arc<BTreeMap<Shared, Shared>>;

#[derive(Clone)]
struct Tables(Box<[Rows; Table::ALL.len()]>);

impl Default for Tables {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_table| Rows::default())))
    }
}

/// Rows that are being read.
pub(super) type Range<'a> = btree_map::Range<'a, Shared, Shared>;

/// Tables in memory.
#[derive(Default)]
pub(in crate::store) struct Space {
    committed: RwLock<Tables>,
    /// Held by the one who writes.
    writing: Mutex<()>,
}

impl Space {
    pub(super) fn moment(&self) -> Moment {
        Moment(self.committed.read().clone())
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(Moment) -> Result<(T, Changes), StoreError>,
    ) -> Result<T, StoreError> {
        let _writing = self.writing.lock();
        // The moment before is let go by now: else all that is changed would be made anew for it.
        let (given, changes) = change(self.moment())?;
        let mut committed = self.committed.write();
        for (table, changed) in changes.into_tables().filter(|(_, changed)| !changed.is_empty()) {
            let rows = Arc::make_mut(&mut committed.0[table as usize]);
            for (key, value) in changed {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
        }
        Ok(given)
    }
}

/// All tables as they were at one moment.
pub(in crate::store) struct Moment(Tables);

impl Moment {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Shared> {
        self.0.0[table as usize].get(key).map(Arc::clone)
    }

    pub(super) fn range(&self, table: Table, keys: &impl RangeBounds<[u8]>) -> Range<'_> {
        let rows = &self.0.0[table as usize];
        let keys = (keys.start_bound(), keys.end_bound());
        // A map takes it for a mistake.
        if is_empty(keys) { btree_map::Range::default() } else { rows.range::<[u8], _>(keys) }
    }
}
