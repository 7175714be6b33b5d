//! A transaction: what it changes, over what was there before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::error::StoreError;
use crate::store::keyspace::{Moment, Value};
use crate::store::tables::Table;

/// Bytes that a transaction has brought, shared with whoever keeps or reads them.
pub(super) type Shared = Arc<[u8]>;

/// The rows of one table that were changed, in the order of their keys: each with its new value, or with
/// nothing where it was taken away.
pub(super) type ChangedRows = BTreeMap<Shared, Option<Shared>>;

/// What a transaction has changed so far. Nothing of it is anywhere else yet.
#[derive(Default)]
pub(super) struct Changes([ChangedRows; Table::ALL.len()]);

impl Changes {
    /// The tables in which something was changed, each with its rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (Table, &ChangedRows)> {
        let tables = Table::ALL.into_iter().map(|table| (table, &self.0[table as usize]));
        tables.filter(|(_, rows)| !rows.is_empty())
    }

    /// All rows that were changed, as they are to be.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        self.tables().flat_map(|(table, rows)| {
            rows.iter().map(move |(key, value)| (table, &**key, value.as_deref()))
        })
    }

    /// All tables with their rows, to be kept.
    pub(super) fn into_tables(self) -> impl Iterator<Item = (Table, ChangedRows)> {
        Table::ALL.into_iter().zip(self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeMap::is_empty)
    }

    /// Changes a row; gives what the transaction had made of it before, if it has.
    pub(super) fn set(
        &mut self,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Option<Option<Shared>> {
        self.0[table as usize].insert(key.into(), value.map(Arc::from))
    }
}

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
        match self.changes.0[table as usize].get(key) {
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
