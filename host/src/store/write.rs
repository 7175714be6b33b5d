//! Writing a batch of drafts in one transaction.

use std::time::{Duration, Instant};

use redb::{TableHandle, WriteTransaction};

use crate::store::Store;
use crate::store::draft::{Row, Rows};
use crate::store::error::StoreError;
use crate::store::payloads::References;
use crate::store::tables;

/// Is told after each commit how many drafts it had, and how long it took.
pub(super) type Committing = dyn Fn(usize, Duration) + Send + Sync;

/// Writes a batch in one transaction. Rows of one table are written in the order of their keys,
/// which costs the tree a fraction of what a random order does. A batch without rows only keeps its
/// place in the line. `committed` is told how many drafts are on disk now, and
/// how long the transaction took.
pub(super) fn write<'a>(
    store: &Store,
    batch: impl Iterator<Item = &'a Rows> + Clone,
    committed: &Committing,
) -> Result<(), StoreError> {
    let mut rows: Vec<_> = batch.clone().flat_map(|draft| &draft.rows).collect();
    if rows.is_empty() {
        return Ok(());
    }
    // A stable sort: where two drafts write the same key, the later one stands.
    rows.sort_by(|one, other| (one.table.name(), &one.key).cmp(&(other.table.name(), &other.key)));
    let mut references = References::default();
    batch.clone().for_each(|draft| references.add(&draft.payloads));
    let begun = Instant::now();
    let transaction = store.begin_write()?;
    for of_table in rows.chunk_by(|one, other| one.table.name() == other.table.name()) {
        write_table(&transaction, of_table, &mut references)?;
    }
    references.settle(&transaction)?;
    transaction.commit().map_err(StoreError::io)?;
    // What the next host does not find is not acknowledged.
    store.check_place()?;
    committed(batch.count(), begun.elapsed());
    Ok(())
}

/// Writes the rows of one table. Turns that go, or are written over, refer to their payloads no more.
fn write_table(
    transaction: &WriteTransaction,
    rows: &[&Row],
    references: &mut References<'_>,
) -> Result<(), StoreError> {
    let definition = rows[0].table;
    let mut table = transaction.open_table(definition).map_err(StoreError::io)?;
    for row in rows {
        let old = match &row.value {
            Some(value) => table.insert(row.key.as_slice(), value.as_slice()),
            None => table.remove(row.key.as_slice()),
        };
        if let Some(old) = old.map_err(StoreError::io)?
            && definition.name() == tables::TURNS.name()
        {
            references.release(old.value());
        }
    }
    Ok(())
}
