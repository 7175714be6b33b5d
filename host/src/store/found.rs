//! Rows that go only if nobody has put others in their place since they were found.

use crate::store::error::StoreError;
use crate::store::keyspace::Transaction;
use crate::store::tables::Table;

/// A row that goes if it is as it was found: somebody may have put another one in its place meanwhile.
pub(super) struct FoundRow {
    pub(super) table: Table,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl FoundRow {
    /// How much room it takes while it waits, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.value.len()
    }

    /// Takes it away.
    pub(super) fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let is_it = transaction.get(self.table, &self.key)?.is_some_and(|row| *row == *self.value);
        if is_it {
            transaction.delete(self.table, &self.key);
        }
        Ok(())
    }
}
