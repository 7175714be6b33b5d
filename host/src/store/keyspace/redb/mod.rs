//! Tables in a file of [redb](https://docs.rs/redb), the only place that knows it.

mod overlay;
mod watched;

use std::fs::File;
use std::io::ErrorKind;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{
    AccessGuard, Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError, WriteTransaction,
};
pub use redb::{BackendError, StorageBackend};

use crate::store::error::{DiskTrouble, FirstFailure, StoreError};
use crate::store::keyspace::redb::overlay::Overlay;
use crate::store::keyspace::redb::watched::{Failure, Watched};
use crate::store::place::At;
use crate::store::tables::Table;

type Bytes = &'static [u8];

/// Bytes that lie on a page.
pub(super) type Value<'a> = AccessGuard<'a, Bytes>;

/// Rows that are being read.
pub(super) type Range<'a> = redb::Range<'a, Bytes, Bytes>;

/// A row that was read: key and value.
pub(super) type Row<'a> = (Value<'a>, Value<'a>);

const fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// An open file, or another storage of pages.
pub(in crate::store) struct Space {
    db: Database,
    first_failure: FirstFailure,
    quick_restart: AtomicBool,
}

impl Space {
    pub(super) fn open(at: At<'_>, file: File, cache: usize) -> Result<Self, StoreError> {
        Self::watched(at, file_backend(at, file)?, cache)
    }

    pub(super) fn create(at: At<'_>, file: File) -> Result<Self, StoreError> {
        let db = Builder::new().create_with_backend(file_backend(at, file)?);
        Ok(Self::of(db.map_err(|error| of_opening(at, error))?, FirstFailure::default()))
    }

    pub(super) fn open_to_look(at: At<'_>, file: File, cache: usize) -> Result<Self, StoreError> {
        let overlay = Overlay::new(file).map_err(|error| at.unusable(&error))?;
        let mut space = Self::watched(at, overlay, cache)?;
        match space.db.check_integrity() {
            Ok(true) => Ok(space),
            Ok(false) => Err(at.corrupt("its checksums do not agree")),
            Err(error) => Err(of_opening(at, error)),
        }
    }

    pub(super) fn open_on(storage: impl StorageBackend, cache: usize) -> Result<Self, StoreError> {
        let path = Path::new("backend");
        Self::watched(At { directory: path, path }, storage, cache)
    }

    fn watched(at: At<'_>, storage: impl StorageBackend, cache: usize) -> Result<Self, StoreError> {
        let (storage, first_failure) = Watched::new(storage);
        let db = builder(cache).create_with_backend(storage);
        Ok(Self::of(db.map_err(|error| of_opening(at, error))?, first_failure))
    }

    fn of(db: Database, first_failure: FirstFailure) -> Self {
        Self { db, first_failure, quick_restart: AtomicBool::new(false) }
    }

    pub(super) fn is_new(&self) -> Result<bool, StoreError> {
        let transaction = self.db.begin_read().map_err(failed)?;
        match transaction.open_table(definition(Table::Meta)) {
            Ok(_) => Ok(false),
            Err(TableError::TableDoesNotExist(_)) => Ok(true),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn moment(&self) -> Result<Moment, StoreError> {
        let transaction = self.db.begin_read().map_err(failed)?;
        Ok(Moment { transaction, first: OnceLock::new(), others: OnceLock::new() })
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(Open<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut transaction = self.db.begin_write().map_err(failed)?;
        transaction.set_quick_repair(self.quick_restart.load(Ordering::Relaxed));
        // Whatever is not committed is taken back when the transaction is dropped.
        let changed =
            change(Open { transaction: &transaction, tables: [const { None }; Table::ALL.len()] })?;
        transaction.commit().map_err(failed)?;
        Ok(changed)
    }

    pub(super) fn set_quick_restart(&self, quick_restart: bool) {
        self.quick_restart.store(quick_restart, Ordering::Relaxed);
    }

    pub(super) fn cached(&self) -> usize {
        self.db.cache_stats().used_bytes()
    }

    pub(super) fn first_failure(&self) -> FirstFailure {
        FirstFailure::clone(&self.first_failure)
    }

    pub(super) fn close(self, at: At<'_>) -> Result<(), StoreError> {
        self.db.close().map_err(|error| at.corrupt(&error.to_string()))
    }
}

/// A moment, and the tables of it that were looked at: to open one takes as long as a look into it.
/// Most moments are there for one table.
pub(in crate::store) struct Moment {
    transaction: ReadTransaction,
    first: OnceLock<(Table, ReadOnlyTable<Bytes, Bytes>)>,
    others: OnceLock<Box<Others>>,
}

/// The tables that were not the first.
type Others = [OnceLock<ReadOnlyTable<Bytes, Bytes>>; Table::ALL.len()];

impl Moment {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value<'_>>, StoreError> {
        // That of the trait is bound to the table, and the page that it lies on to the moment.
        ReadableTable::get(self.table(table)?, key).map_err(failed)
    }

    pub(super) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        let keys = (keys.start_bound(), keys.end_bound());
        self.table(table)?.range::<&[u8]>(keys).map_err(failed)
    }

    fn table(&self, table: Table) -> Result<&ReadOnlyTable<Bytes, Bytes>, StoreError> {
        if self.first.get().is_none() {
            // Who else opens one at the same time may be the first; then this one is opened once more.
            let _other = self.first.set((table, self.open(table)?));
        }
        match self.first.get() {
            Some((first, open)) if *first == table => Ok(open),
            _ => self.another(table),
        }
    }

    /// A table that is not the first.
    fn another(&self, table: Table) -> Result<&ReadOnlyTable<Bytes, Bytes>, StoreError> {
        let slot = &self.others.get_or_init(Box::default)[table as usize];
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        let open = self.open(table)?;
        Ok(slot.get_or_init(|| open))
    }

    fn open(&self, table: Table) -> Result<ReadOnlyTable<Bytes, Bytes>, StoreError> {
        self.transaction.open_table(definition(table)).map_err(failed)
    }
}

/// What a range gives.
#[inline]
pub(super) fn read(row: Result<Row<'_>, StorageError>) -> Result<Row<'_>, StoreError> {
    row.map_err(failed)
}

/// A transaction, and the tables that it has changed so far: each is opened once.
pub(in crate::store) struct Open<'a> {
    transaction: &'a WriteTransaction,
    tables: [Option<redb::Table<'a, Bytes, Bytes>>; Table::ALL.len()],
}

impl<'a> Open<'a> {
    pub(super) fn create(&mut self) -> Result<(), StoreError> {
        Table::ALL.into_iter().try_for_each(|table| self.table(table).map(drop))
    }

    pub(super) fn get(
        &mut self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        self.table(table)?.get(key).map_err(failed)
    }

    pub(super) fn insert(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        self.table(table)?.insert(key, value).map_err(failed)
    }

    pub(super) fn remove(
        &mut self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        self.table(table)?.remove(key).map_err(failed)
    }

    fn table(&mut self, table: Table) -> Result<&mut redb::Table<'a, Bytes, Bytes>, StoreError> {
        match &mut self.tables[table as usize] {
            Some(open) => Ok(open),
            slot => {
                let open = self.transaction.open_table(definition(table)).map_err(failed)?;
                Ok(slot.insert(open))
            }
        }
    }
}

fn builder(cache: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder.set_repair_callback(|repair| {
        if repair.progress() == 0.0 {
            tracing::info!("the store was not closed in an orderly way; it is checked whole");
        }
    });
    builder
}

fn file_backend(at: At<'_>, file: File) -> Result<FileBackend, StoreError> {
    FileBackend::new(file).map_err(|error| of_opening(at, error))
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
        redb::Error::Io(error) => {
            let failure = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
            failure.map_or_else(|| failed(error.to_string()), Failure::as_store_error)
        }
        error => failed(error.to_string()),
    }
}
