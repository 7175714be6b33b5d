//! Writing a batch of drafts in one transaction.

use std::time::{Duration, Instant};

use crate::store::draft::{Row, Rows};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keyspace::Transaction;
use crate::store::payloads::References;
use crate::store::tables::Table;

/// Is told after each commit how many drafts it had, and how long it took.
pub(in crate::store) type Committing = dyn Fn(usize, Duration) + Send + Sync;

/// Writes a batch in one transaction. A batch without rows only keeps its place in the queue. `committed` is told how many drafts are on disk now, and
/// how long the transaction took.
pub(in crate::store) fn write<'a>(
    store: &Store,
    batch: impl Iterator<Item = &'a Rows> + Clone,
    committed: &Committing,
) -> Result<(), StoreError> {
    if batch.clone().all(Rows::is_empty) {
        return Ok(());
    }
    let mut references = References::default();
    let begun = Instant::now();
    let written = store.write(|transaction| {
        let mut written = 0;
        // Where two drafts write the same key, the later one stands.
        for draft in batch.clone() {
            if !draft.hold(transaction)? {
                continue;
            }
            written += 1;
            references.add(&draft.payloads);
            let mut rows = draft.rows.iter();
            rows.try_for_each(|row| write_row(transaction, row, &mut references))?;
            draft.tokens.iter().try_for_each(|token| token.write(transaction))?;
        }
        references.settle(transaction)?;
        Ok(written)
    })?;
    // What the next host does not find is not acknowledged.
    store.check_place()?;
    committed(written, begun.elapsed());
    Ok(())
}

/// Writes a row. Turns that go, or are written over, refer to their payloads no more.
fn write_row(
    transaction: &mut Transaction,
    Row { table, key, value }: &Row,
    references: &mut References<'_>,
) -> Result<(), StoreError> {
    if *table != Table::Turns {
        match value {
            Some(value) => transaction.put(*table, key, value),
            None => transaction.delete(*table, key),
        }
        return Ok(());
    }
    let old = match value {
        Some(value) => transaction.replace(*table, key, value)?,
        None => transaction.take(*table, key)?,
    };
    if let Some(turn) = old {
        references.release(&turn);
    }
    Ok(())
}
