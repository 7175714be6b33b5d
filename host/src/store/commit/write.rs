//! Writing a batch of drafts in one transaction.

use std::time::{Duration, Instant};

use crate::store::draft::{Row, Rows};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::index::{Counting, write_attribute};
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
    let begun = Instant::now();
    let written = store.write(|transaction| {
        let mut written = 0;
        let mut derived = Derived::default();
        // Where two drafts write the same key, the later one stands.
        for draft in batch.clone() {
            if !draft.hold(transaction)? {
                continue;
            }
            written += 1;
            derived.references.add(&draft.payloads);
            let mut rows = draft.rows.iter();
            rows.try_for_each(|row| derived.write_row(transaction, row))?;
            draft.tokens.iter().try_for_each(|token| token.write(transaction))?;
            draft.found.iter().try_for_each(|row| row.write(transaction))?;
        }
        derived.references.settle(transaction)?;
        derived.counting.settle(transaction)?;
        Ok(written)
    })?;
    // What the next host does not find is not acknowledged.
    store.check_place()?;
    committed(written, begun.elapsed());
    Ok(())
}

/// What follows from the rows of a batch, and is written once for all of them.
#[derive(Default)]
struct Derived<'a> {
    /// Turns that go, or are written over, refer to their payloads no more; those that are set aside do still.
    references: References<'a>,
    /// Runs that come, go, or stand in another way are counted so.
    counting: Counting,
}

impl Derived<'_> {
    /// Writes a row.
    fn write_row(
        &mut self,
        transaction: &mut Transaction,
        Row { table, key, value }: &Row,
    ) -> Result<(), StoreError> {
        match (table, value) {
            (Table::Runs, _) => self.counting.write_run(transaction, key, value.as_deref())?,
            (Table::Turns | Table::SetAside, _) => {
                let old = match value {
                    Some(value) => transaction.replace(*table, key, value)?,
                    None => transaction.take(*table, key)?,
                };
                if let Some(turn) = old {
                    self.references.release(&turn);
                }
                if let (Table::SetAside, Some(turn)) = (table, value) {
                    self.references.keep(turn);
                }
            }
            (Table::Attributes, _) => write_attribute(transaction, key, value.as_deref())?,
            (_, Some(value)) => transaction.put(*table, key, value),
            (_, None) => transaction.delete(*table, key),
        }
        Ok(())
    }
}
