//! A transaction: what it changes, over what was there before it.

use crate::store::error::StoreError;
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::Value;
use crate::store::keyspace::moment::Moment;
use crate::store::tables::Table;

/// A transaction that is being written.
pub(in crate::store) struct Transaction {
    before: Moment,
    changes: Changes,
}

impl Transaction {
    /// One that has changed nothing yet.
    pub(super) fn on(before: Moment) -> Self {
        Self { before, changes: Changes::default() }
    }

    /// What it has changed. What was there before is let go.
    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// The value of a key, as the transaction has left it so far.
    ///
    /// # Errors
    ///
    /// The storage fails. The same holds for all functions here that give what was there before.
    pub(in crate::store) fn get(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self.changes.get(table, key) {
            Some(changed) => Ok(changed.clone().map(Value::Shared)),
            None => self.before.get(table, key),
        }
    }

    /// Writes a row, over what was there.
    pub(in crate::store) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.changes.set(table, key, Some(value));
    }

    /// Writes a row, and gives the value that was there.
    pub(in crate::store) fn replace(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        self.exchange(table, key, Some(value))
    }

    /// Writes a row where none is, and gives the value that is there, if one is.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for hosts that share a store; the contract holds it")
    )]
    pub(in crate::store) fn put_if_absent(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let there = self.get(table, key)?.map(|value| value.to_vec());
        if there.is_none() {
            self.put(table, key, value);
        }
        Ok(there)
    }

    /// Takes a row away, if it is there.
    pub(in crate::store) fn delete(&mut self, table: Table, key: &[u8]) {
        self.changes.set(table, key, None);
    }

    /// Takes a row away, and gives the value that was there.
    pub(in crate::store) fn take(
        &mut self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        self.exchange(table, key, None)
    }

    fn exchange(
        &mut self,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<Option<Value<'_>>, StoreError> {
        match self.changes.set(table, key, value) {
            Some(changed) => Ok(changed.map(Value::Shared)),
            None => self.before.get(table, key),
        }
    }
}
