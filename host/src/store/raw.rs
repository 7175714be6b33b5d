//! Rows as bytes, past all that keeps a store whole: for tests that look at them or harm them.

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keyspace::Transaction;
use crate::store::tables::Table;

/// A row: key and value.
pub type RawRow = (Vec<u8>, Vec<u8>);

/// Rows that are being changed, as bytes.
pub struct RawRows<'a>(&'a mut Transaction);

impl Store {
    /// The names of all tables.
    pub fn raw_tables() -> impl Iterator<Item = &'static str> {
        Table::ALL.into_iter().map(Table::name)
    }

    /// The rows of a table, in the order of their keys.
    ///
    /// # Errors
    ///
    /// There is no such table, or it cannot be read.
    pub fn raw_rows(&self, table: &str) -> Result<Vec<RawRow>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.rows(named(table)?)?;
        rows.map(|row| row.map(|row| (row.key().to_vec(), row.value().to_vec()))).collect()
    }

    /// Changes rows of any tables in one transaction. What depends on them is not changed with them.
    ///
    /// # Errors
    ///
    /// The store cannot be written, or `change` gives an error. Nothing is changed then.
    pub fn change_raw<T>(
        &self,
        change: impl FnOnce(&mut RawRows<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write(|transaction| change(&mut RawRows(transaction)))
    }
}

impl RawRows<'_> {
    /// The value of a key, as it is by now.
    ///
    /// # Errors
    ///
    /// There is no such table, or it cannot be read.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(named(table)?, key)?.map(|value| value.to_vec()))
    }

    /// Writes a row, over what was there.
    ///
    /// # Errors
    ///
    /// There is no such table, or it cannot be written.
    pub fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.0.put(named(table)?, key, value);
        Ok(())
    }

    /// Takes a row away, if it is there.
    ///
    /// # Errors
    ///
    /// There is no such table, or it cannot be written.
    pub fn remove(&mut self, table: &str, key: &[u8]) -> Result<(), StoreError> {
        self.0.delete(named(table)?, key);
        Ok(())
    }
}

fn named(table: &str) -> Result<Table, StoreError> {
    let unknown = || StoreError::Record {
        table: table.to_owned(),
        detail: "there is no such table".to_owned(),
    };
    Table::named(table.as_bytes()).ok_or_else(unknown)
}
