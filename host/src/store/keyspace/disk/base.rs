//! Tables in a file of [redb](https://docs.rs/redb), the only place that knows it: what stands behind
//! the log.
//!
//! A damaged file may break an assumption that redb does not check. That must not take a thread of the host
//! down, so whatever panics here is an error.

use std::io::ErrorKind;
use std::ops::RangeBounds;
use std::sync::OnceLock;

use redb::{
    AccessGuard, Builder, CompactionError, Database, DatabaseError, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};

use crate::store::error::{DiskTrouble, StoreError};
use crate::store::keyspace::disk::watched::{Failure, Watched};
use crate::store::place::At;
use crate::store::tables::Table;
use crate::store::unharmed::unharmed;

type Bytes = &'static [u8];

/// Bytes that lie on a page.
pub(in crate::store) type Value<'a> = AccessGuard<'a, Bytes>;

/// A row that was read: key and value.
pub(in crate::store) type Row<'a> = (Value<'a>, Value<'a>);

/// A row as it is to be: with nothing where it is to be gone.
pub(super) type NewRow<'a> = (Table, &'a [u8], Option<&'a [u8]>);

/// Rows that are being read.
pub(super) struct Range<'a>(redb::Range<'a, Bytes, Bytes>);

/// The one row about the log: it changes in the same commit as the rows that it speaks of.
const LOG: TableDefinition<'static, (), ([u8; 16], u64)> = TableDefinition::new("log");

const fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// What the file says of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogState {
    /// Which log it is.
    pub(super) id: [u8; 16],
    /// The number of the last batch of which all rows are in the file, and of all before it.
    pub(super) applied: u64,
}

/// An open file, or another storage of pages.
pub(super) struct Base {
    /// None once it is closed.
    db: Option<Database>,
}

impl Drop for Base {
    fn drop(&mut self) {
        let db = self.db.take();
        let _closed = whole(|| {
            drop(db);
            Ok(())
        });
    }
}

impl Base {
    /// Opens a file, with so many of its bytes kept in memory. An empty one gets its tables, and one that was
    /// made before there were all of them those that it lacks.
    pub(super) fn open(at: At<'_>, pages: Watched, cache: usize) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(cache);
        builder.set_repair_callback(|repair| {
            if repair.progress() == 0.0 {
                tracing::info!("the store was not closed in an orderly way; it is checked whole");
            }
        });
        let db = builder.create_with_backend(pages).map_err(|error| of_opening(at, error))?;
        let base = Self { db: Some(db) };
        let missing = base.missing()?;
        if !missing.is_empty() {
            base.make(missing)?;
        }
        Ok(base)
    }

    /// Checks the whole file.
    pub(super) fn check(&mut self, at: At<'_>) -> Result<(), StoreError> {
        let Some(db) = &mut self.db else { return Err(StoreError::Closed) };
        match db.check_integrity() {
            Ok(true) => Ok(()),
            Ok(false) => Err(at.corrupt("its checksums do not agree")),
            Err(error) => Err(of_opening(at, error)),
        }
    }

    fn db(&self) -> Result<&Database, StoreError> {
        self.db.as_ref().ok_or(StoreError::Closed)
    }

    /// The tables that are to be made. Any other that is not there was lost, and whoever reads it hears so.
    fn missing(&self) -> Result<Vec<Table>, StoreError> {
        let transaction = self.db()?.begin_read().map_err(failed)?;
        let names: Vec<_> = transaction.list_tables().map_err(failed)?.collect();
        let is_there = |table: &Table| names.iter().any(|known| known.name() == table.name());
        let is_new = !is_there(&Table::Meta);
        let to_make = |table: &Table| !is_there(table) && (is_new || table.came_later());
        Ok(Table::ALL.into_iter().filter(to_make).collect())
    }

    fn make(&self, tables: Vec<Table>) -> Result<(), StoreError> {
        let mut transaction = self.db()?.begin_write().map_err(failed)?;
        transaction.set_quick_repair(true);
        for table in tables {
            transaction.open_table(definition(table)).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// All tables as they are at this moment.
    pub(super) fn moment(&self) -> Result<Moment, StoreError> {
        let transaction = whole(|| self.db()?.begin_read().map_err(failed))?;
        Ok(Moment { transaction, tables: [const { OnceLock::new() }; Table::ALL.len()] })
    }

    /// What the file says of its log, if it has one.
    pub(super) fn log(&self) -> Result<Option<LogState>, StoreError> {
        let transaction = self.db()?.begin_read().map_err(failed)?;
        let table = match transaction.open_table(LOG) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let row = table.get(()).map_err(failed)?;
        Ok(row.map(|row| row.value()).map(|(id, applied)| LogState { id, applied }))
    }

    /// Changes rows, and what is said of the log, in one transaction, which is on disk when this is over.
    /// It also keeps what it takes to open the file at once after a crash.
    pub(super) fn apply(
        &self,
        log: Option<LogState>,
        change: impl FnOnce(&mut Rows<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        whole(|| {
            let mut transaction = self.db()?.begin_write().map_err(failed)?;
            transaction.set_quick_repair(true);
            // Whatever is not committed is taken back when the transaction is dropped.
            let tables = [const { None }; Table::ALL.len()];
            change(&mut Rows { transaction: &transaction, tables })?;
            if let Some(LogState { id, applied }) = log {
                let mut table = transaction.open_table(LOG).map_err(failed)?;
                table.insert((), (id, applied)).map_err(failed)?;
            }
            transaction.commit().map_err(failed)
        })
    }

    /// Moves what is at the end of the file to where there is room, and cuts it there, until nothing can be moved.
    pub(super) fn compact(&mut self) -> Result<(), StoreError> {
        let Some(db) = &mut self.db else { return Err(StoreError::Closed) };
        whole(|| {
            let compacted = db.compact();
            compacted.map(drop).map_err(|error| match error {
                CompactionError::Storage(error) => failed(error),
                // Nobody else has it open.
                error => StoreError::Io { trouble: DiskTrouble::Failed, detail: error.to_string() },
            })
        })
    }

    /// How many bytes of the file are kept in memory.
    pub(super) fn cached(&self) -> usize {
        self.db.as_ref().map_or(0, |db| db.cache_stats().used_bytes())
    }

    /// Lets the file go, and says whether it could be left in order.
    pub(super) fn close(mut self, at: At<'_>) -> Result<(), StoreError> {
        let Some(db) = self.db.take() else { return Ok(()) };
        whole(|| db.close().map_err(|error| at.corrupt(&error.to_string())))
    }
}

/// Rows that are being written, and the tables of them that were opened: each is once.
pub(super) struct Rows<'a> {
    transaction: &'a WriteTransaction,
    tables: [Option<redb::Table<'a, Bytes, Bytes>>; Table::ALL.len()],
}

impl Rows<'_> {
    /// Writes a row over what was there, or takes it away.
    pub(super) fn set(&mut self, (table, key, value): NewRow<'_>) -> Result<(), StoreError> {
        let open = match &mut self.tables[table as usize] {
            Some(open) => open,
            slot => slot.insert(self.transaction.open_table(definition(table)).map_err(failed)?),
        };
        match value {
            Some(value) => open.insert(key, value).map(drop),
            None => open.remove(key).map(drop),
        }
        .map_err(failed)
    }
}

/// A moment of the file, and the tables of it that were looked at: to open one takes as long as a look
/// into it.
pub(super) struct Moment {
    transaction: ReadTransaction,
    tables: [OnceLock<ReadOnlyTable<Bytes, Bytes>>; Table::ALL.len()],
}

impl Moment {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value<'_>>, StoreError> {
        // That of the trait is bound to the table, and the page that it lies on to the moment.
        whole(|| {
            let value = ReadableTable::get(self.table(table)?, key).map_err(failed)?;
            // Where it lies on its page is looked at here, or never.
            value.iter().for_each(|value| _ = value.value());
            Ok(value)
        })
    }

    pub(super) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        let keys = (keys.start_bound(), keys.end_bound());
        whole(|| self.table(table)?.range::<&[u8]>(keys).map(Range).map_err(failed))
    }

    fn table(&self, table: Table) -> Result<&ReadOnlyTable<Bytes, Bytes>, StoreError> {
        let slot = &self.tables[table as usize];
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        let open = self.transaction.open_table(definition(table)).map_err(failed)?;
        Ok(slot.get_or_init(|| open))
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Row<'a>, StoreError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        whole(|| looked_at(self.0.next())).transpose()
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        whole(|| looked_at(self.0.next_back())).transpose()
    }
}

/// A row that was read, once it is known where on its page it lies.
fn looked_at<'a>(
    row: Option<Result<Row<'a>, StorageError>>,
) -> Result<Option<Row<'a>>, StoreError> {
    let row = row.transpose().map_err(failed)?;
    row.iter().for_each(|(key, value)| _ = (key.value(), value.value()));
    Ok(row)
}

/// Does something with the file, which may be damaged.
#[inline]
fn whole<T>(with_file: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    unharmed(with_file).unwrap_or_else(|| {
        let detail = "the file of pages breaks the rules of its format".into();
        Err(StoreError::Io { trouble: DiskTrouble::Failed, detail })
    })
}

fn of_opening(at: At<'_>, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse { path: at.directory.display().to_string() }
        }
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            at.unusable(&error)
        }
        error => at.corrupt(&error.to_string()),
    }
}

/// What redb says of a failure, for those who work with the store.
fn failed(error: impl Into<redb::Error>) -> StoreError {
    let failed = |detail: String| StoreError::Io { trouble: DiskTrouble::Failed, detail };
    match error.into() {
        redb::Error::PreviousIo => failed("an earlier access has failed".into()),
        redb::Error::Io(error) => Failure::told(error),
        error => failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::error::FirstFailure;
    use crate::store::keyspace::disk::storage;
    use crate::store::private;

    fn open(directory: &TempDir) -> Base {
        let path = directory.path().join("segno.redb");
        let pages = storage::pages_of(private::open_file(&path).expect("it is there"));
        let watched = Watched::new(pages.expect("a file"), &FirstFailure::default());
        Base::open(At { directory: directory.path(), path: &path }, watched, 0).expect("it opens")
    }

    /// A file without these tables, in which each other one has a row.
    fn lacking(directory: &TempDir, lacks: impl Fn(Table) -> bool) {
        drop(private::new_file(&directory.path().join("segno.redb")).expect("a new file"));
        let base = open(directory);
        let fill = |rows: &mut Rows<'_>| {
            Table::ALL.into_iter().try_for_each(|table| rows.set((table, b"key", Some(b"value"))))
        };
        base.apply(None, fill).expect("it is written");
        let transaction = base.db().expect("it is open").begin_write().expect("it is free");
        for table in Table::ALL.into_iter().filter(|table| lacks(*table)) {
            assert!(transaction.delete_table(definition(table)).expect("it is removed"));
        }
        transaction.commit().expect("it is written");
    }

    #[test]
    fn a_file_of_before_gets_the_tables_that_it_lacks() {
        let directory = TempDir::new().expect("a directory");
        lacking(&directory, Table::came_later);
        let base = open(&directory);
        let moment = base.moment().expect("it is read");
        for table in Table::ALL {
            let value = moment.get(table, b"key").expect("the table is there");
            assert_eq!(value.is_some(), !table.came_later(), "{table:?}");
        }
    }

    #[test]
    fn a_table_that_was_lost_is_not_made_again() {
        let directory = TempDir::new().expect("a directory");
        lacking(&directory, |table| table == Table::Turns);
        let base = open(&directory);
        let moment = base.moment().expect("it is read");
        let error = moment.get(Table::Turns, b"key").map(drop).expect_err("it is lost");
        assert!(error.to_string().contains("turns"), "{error}");
    }
}
