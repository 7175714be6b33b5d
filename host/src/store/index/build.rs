//! Making the indexes of a store that has none: one of before there were any, or a copy of one.
//!
//! That they are whole is said in `meta` in the last transaction. Whoever opens a store in which that is not said
//! begins again, so a crash in between leaves nothing that counts.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::store::error::StoreError;
use crate::store::index::entry::Entry;
use crate::store::keyspace::{Keyspace, Moment, Transaction};
use crate::store::ranges::Behind;
use crate::store::tables::Table;

/// Which indexes this version keeps.
const EDITION: u32 = 1;

/// The key in [`Table::Meta`] of the edition of the indexes that are whole.
const KEY: &[u8] = b"indexed";

/// How many rows a transaction changes while indexes are made: what it changes is held in memory until then.
const SLICE: usize = 10_000;

/// Says that the indexes are whole, as part of a transaction.
pub(in crate::store) fn whole(transaction: &mut Transaction) {
    transaction.put(Table::Meta, KEY, &EDITION.to_le_bytes());
}

/// Whether the indexes are whole. They may not be where a store is only looked at.
pub(in crate::store) fn is_whole(moment: &Moment) -> Result<bool, StoreError> {
    let said = moment.get(Table::Meta, KEY)?;
    Ok(said.is_some_and(|said| *said == EDITION.to_le_bytes()))
}

/// Makes the indexes, where they are not whole.
///
/// # Errors
///
/// The store cannot be read or written.
pub(in crate::store) fn prepare(keyspace: &Keyspace) -> Result<(), StoreError> {
    if is_whole(&keyspace.moment()?)? {
        return Ok(());
    }
    let begun = Instant::now();
    clear(keyspace, Table::Standings)?;
    clear(keyspace, Table::Counts)?;
    let mut counts = BTreeMap::<Vec<u8>, u64>::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let (entries, last) = slice(&keyspace.moment()?, after.as_deref())?;
        let Some(last) = last else { break };
        keyspace.write(&[], |transaction| {
            for entry in &entries {
                transaction.put(Table::Standings, &entry.key, &entry.value());
            }
            Ok(())
        })?;
        for entry in &entries {
            *counts.entry(entry.part().to_vec()).or_default() += 1;
        }
        after = Some(last);
    }
    let runs = counts.values().sum::<u64>();
    keyspace.write(&[], |transaction| {
        for (part, count) in &counts {
            transaction.put(Table::Counts, part, &count.to_le_bytes());
        }
        whole(transaction);
        Ok(())
    })?;
    if runs > 0 {
        let milliseconds = begun.elapsed().as_millis();
        tracing::info!(runs, milliseconds, "the store has got its index of runs");
    }
    Ok(())
}

/// Takes all rows of a table away.
fn clear(keyspace: &Keyspace, table: Table) -> Result<(), StoreError> {
    loop {
        let moment = keyspace.moment()?;
        let rows = moment.rows(table)?.take(SLICE);
        let keys: Vec<_> =
            rows.map(|row| row.map(|row| row.key().to_vec())).collect::<Result<_, _>>()?;
        drop(moment);
        if keys.is_empty() {
            return Ok(());
        }
        keyspace.write(&[], |transaction| {
            keys.iter().for_each(|key| transaction.delete(table, key));
            Ok(())
        })?;
    }
}

/// What is to be in the index for the next runs, and the key of the last one of them. A damaged record is left out:
/// nothing is known of where it stands.
fn slice(
    moment: &Moment,
    after: Option<&[u8]>,
) -> Result<(Vec<Entry>, Option<Vec<u8>>), StoreError> {
    let mut entries = Vec::new();
    let mut last = None;
    for row in moment.range(Table::Runs, &Behind::new(after))?.take(SLICE) {
        let row = row?;
        entries.extend(super::entry(row.key(), row.value()));
        last = Some(row.key().to_vec());
    }
    Ok((entries, last))
}
