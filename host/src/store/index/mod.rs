//! The indexes by which runs are found: kept in the commit that changes what they are of, so that they are never
//! ahead of it nor behind it.
//!
//! What they say is derived from the records of runs, and can be made again of these (`build.rs`).

mod attributes;
mod build;
mod compare;
mod entry;
mod reads;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(in crate::store) use crate::store::index::attributes::write_attribute;
pub(in crate::store) use crate::store::index::build::{prepare, whole};
pub(in crate::store) use crate::store::index::compare::compare;
pub use crate::store::index::search::Search;

use crate::store::error::StoreError;
use crate::store::index::entry::{Entry, count_of};
use crate::store::keyspace::Transaction;
use crate::store::tables::Table;

/// How the numbers of runs change in one transaction: what many drafts of a batch change is written once.
#[derive(Default)]
pub(super) struct Counting(BTreeMap<Vec<u8>, i64>);

impl Counting {
    /// Writes the record of a run, or takes it away, and its row in the index with it.
    pub(super) fn write_run(
        &mut self,
        transaction: &mut Transaction,
        run: &[u8],
        record: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let old = match record {
            Some(record) => transaction.replace(Table::Runs, run, record)?,
            None => transaction.take(Table::Runs, run)?,
        };
        let old = old.and_then(|old| entry(run, &old));
        let new = record.and_then(|record| entry(run, record));
        if old == new {
            return Ok(());
        }
        if let Some(old) = &old {
            self.change(old, -1);
            if new.as_ref().is_none_or(|new| new.key != old.key) {
                transaction.delete(Table::Standings, &old.key);
            }
        }
        if let Some(new) = &new {
            self.change(new, 1);
            transaction.put(Table::Standings, &new.key, &new.value());
        }
        Ok(())
    }

    fn change(&mut self, entry: &Entry, by: i64) {
        match self.0.get_mut(entry.part()) {
            Some(change) => *change += by,
            None => drop(self.0.insert(entry.part().to_vec(), by)),
        }
    }

    /// Brings the counts on disk to where the runs are. One that is damaged stays as it is: who reads it hears so,
    /// and it must not keep runs from going on.
    pub(super) fn settle(self, transaction: &mut Transaction) -> Result<(), StoreError> {
        for (part, change) in self.0.into_iter().filter(|(_, change)| *change != 0) {
            let before = transaction.get(Table::Counts, &part)?;
            match before.map_or(Ok(0), |before| count_of(&before)) {
                Ok(before) => match before.saturating_add_signed(change) {
                    0 => transaction.delete(Table::Counts, &part),
                    after => transaction.put(Table::Counts, &part, &after.to_le_bytes()),
                },
                Err(error) => tracing::warn!(%error, "a damaged count of runs is left as it is"),
            }
        }
        Ok(())
    }
}

/// What stands in the index for a record. Of a damaged one nobody knows; its row stays, and a check finds it.
fn entry(run: &[u8], record: &[u8]) -> Option<Entry> {
    Entry::of(run, record)
        .inspect_err(
            |error| tracing::warn!(%error, "a damaged record of a run is not in the index"),
        )
        .ok()
}
