//! What was committed and is not in the file of pages yet, in memory: the rows of one segment of the log.
//!
//! Rows are kept in each version that they ever had, as in every store that has a log in front: whoever
//! reads a moment passes over what came later, and nobody waits for anybody.

use std::cmp::Reverse;
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map;

use crate::store::keyspace::changes::{Changes, Shared, is_empty};
use crate::store::keyspace::disk::base::NewRow;
use crate::store::tables::Table;

/// The number of a batch of the log: what was committed together has the same.
pub(super) type BatchNumber = u64;

/// A row in one of its versions: sorted by keys, and the newest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    key: Shared,
    batch: Reverse<BatchNumber>,
}

type Rows = SkipMap<Version, Option<Shared>>;

/// Rows that were committed, by table.
pub(super) struct Layer {
    tables: [Rows; Table::ALL.len()],
    /// The last batch that it has, or 0.
    last: AtomicU64,
}

impl Default for Layer {
    fn default() -> Self {
        let tables = std::array::from_fn(|_table| Rows::default());
        Self { tables, last: AtomicU64::default() }
    }
}

impl Layer {
    /// Takes a batch in. Whoever reads an earlier moment does not see it.
    pub(super) fn insert(&self, batch: BatchNumber, changes: Changes) {
        for (table, rows) in changes.into_tables() {
            for (key, value) in rows {
                self.tables[table as usize].insert(Version { key, batch: Reverse(batch) }, value);
            }
        }
        self.last.store(batch, Ordering::Release);
    }

    /// The last batch that it has, if it has one.
    pub(super) fn last(&self) -> Option<BatchNumber> {
        Some(self.last.load(Ordering::Acquire)).filter(|last| *last != 0)
    }

    /// What it knows of a row, as it was with this batch: its value, or that it was taken away.
    pub(super) fn get(
        &self,
        table: Table,
        key: &[u8],
        batch: BatchNumber,
    ) -> Option<Option<Shared>> {
        let rows = &self.tables[table as usize];
        if rows.is_empty() {
            return None;
        }
        let sought = Version { key: key.into(), batch: Reverse(batch) };
        let found = rows.lower_bound(Bound::Included(&sought))?;
        (*found.key().key == *key).then(|| found.value().clone())
    }

    /// What it knows of the rows between these keys, as they were with this batch.
    pub(super) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
        batch: BatchNumber,
    ) -> Option<Range<'_>> {
        let rows = &self.tables[table as usize];
        let keys = (keys.start_bound(), keys.end_bound());
        if rows.is_empty() || is_empty(keys) {
            return None;
        }
        let version = |key: &[u8], batch| Version { key: key.into(), batch: Reverse(batch) };
        let first = match keys.0 {
            Bound::Included(key) => Bound::Included(version(key, BatchNumber::MAX)),
            Bound::Excluded(key) => Bound::Excluded(version(key, 0)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let end = match keys.1 {
            Bound::Included(key) => Bound::Included(version(key, 0)),
            Bound::Excluded(key) => Bound::Excluded(version(key, BatchNumber::MAX)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let versions = rows.range((first, end));
        Some(Range { versions, batch, front: None, back: None })
    }

    /// Visits all rows as they are to be from now on.
    pub(super) fn visit_newest<E>(
        &self,
        mut visit: impl FnMut(NewRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for table in Table::ALL {
            let mut last: Option<Shared> = None;
            for version in &self.tables[table as usize] {
                let key = &version.key().key;
                // Older versions of a row follow the newest.
                if last.as_ref() != Some(key) {
                    visit((table, key, version.value().as_deref()))?;
                    last = Some(Shared::clone(key));
                }
            }
        }
        Ok(())
    }
}

/// A row as a layer has it: with nothing where it was taken away.
pub(super) type LayerRow = (Shared, Option<Shared>);

/// Versions of rows between two of them.
type Versions<'a> =
    map::Range<'a, Version, (Bound<Version>, Bound<Version>), Version, Option<Shared>>;

/// Rows of a layer that are being read.
pub(super) struct Range<'a> {
    versions: Versions<'a>,
    /// What came later is passed over.
    batch: BatchNumber,
    /// The last key that was given from the front: its older versions may still come.
    front: Option<Shared>,
    /// The version, from the back, that ended the last row which was given from there.
    back: Option<(Version, Option<Shared>)>,
}

impl Range<'_> {
    fn is_visible(&self, version: &Version) -> bool {
        version.batch.0 <= self.batch && self.front.as_ref() != Some(&version.key)
    }

    /// The next version from the back that may be seen.
    fn version_back(&mut self) -> Option<(Version, Option<Shared>)> {
        loop {
            let (version, value) = match self.back.take() {
                Some(back) => back,
                None => owned(&self.versions.next_back()?),
            };
            if self.is_visible(&version) {
                return Some((version, value));
            }
        }
    }
}

impl Iterator for Range<'_> {
    type Item = LayerRow;

    fn next(&mut self) -> Option<LayerRow> {
        loop {
            let version = self.versions.next().map(|entry| owned(&entry));
            // What is left where both ends meet.
            let (version, value) = version.or_else(|| self.back.take())?;
            if self.is_visible(&version) {
                self.front = Some(Shared::clone(&version.key));
                return Some((version.key, value));
            }
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<LayerRow> {
        let (mut newest, mut value) = self.version_back()?;
        // From the back the newest version of a row comes last.
        while let Some((version, newer)) = self.version_back() {
            if version.key != newest.key {
                self.back = Some((version, newer));
                break;
            }
            (newest, value) = (version, newer);
        }
        Some((newest.key, value))
    }
}

fn owned(entry: &map::Entry<'_, Version, Option<Shared>>) -> (Version, Option<Shared>) {
    let Version { key, batch } = entry.key();
    (Version { key: Shared::clone(key), batch: *batch }, entry.value().clone())
}
