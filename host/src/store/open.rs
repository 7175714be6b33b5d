//! Opening a store: the data directory and its file are this host's alone, and the file is whole.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend};

use crate::store::error::StoreError;
use crate::store::overlay::Overlay;
use crate::store::place::{DirectoryLock, Place, unusable};
use crate::store::watched::{FirstFailure, Watched};
use crate::store::{FILE, Opened, Store, new, private, tables};

/// How much of the store is kept in memory where nothing else is said. Replay reads each turn once,
/// so more would hold what is not read again.
pub const DEFAULT_CACHE: usize = 128 << 20;

impl Store {
    /// Opens the store in a data directory, or makes both. Only their owner may read them.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, another process has it, or the file is damaged or from a newer
    /// version.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_cached(directory, DEFAULT_CACHE)
    }

    /// As [`Store::open`], with so many bytes of the file kept in memory.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_cached(directory: &Path, cache: usize) -> Result<Self, StoreError> {
        private::directory(directory).map_err(|error| unusable(directory, &error))?;
        let lock = DirectoryLock::take(directory)?;
        new::make_if_missing(directory)?;
        let store = Self::open_file(directory, cache, lock)?;
        new::forget_unfinished(directory);
        Ok(store)
    }

    /// Opens a store again that this process has had open before. None is made: where there is no file
    /// any more, somebody took it away.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; or there is no store.
    pub fn reopen(directory: &Path, cache: usize) -> Result<Self, StoreError> {
        let lock = DirectoryLock::take(directory)?;
        let path = directory.join(FILE);
        if !path.try_exists().map_err(|error| unusable(directory, &error))? {
            return Err(StoreError::Moved { path: path.display().to_string() });
        }
        Self::open_file(directory, cache, lock)
    }

    /// Opens a store on any storage: in memory, or one that fails on purpose.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let path = Path::new("backend");
        let (storage, first_failure) = Watched::new(backend);
        let db = builder(DEFAULT_CACHE).create_with_backend(storage);
        let db = db.map_err(|error| error_of_opening(path, path, error)).and_then(prepare)?;
        Ok(Self::of(Opened { db, _lock: None }, None, first_failure))
    }

    /// Opens a store to look at it: nothing of the file is changed, also where it must be repaired to be
    /// read. It is checked whole, which takes as long as reading it.
    ///
    /// # Errors
    ///
    /// A host has it, or it cannot be opened.
    pub fn open_to_look(directory: &Path) -> Result<Self, StoreError> {
        let lock = DirectoryLock::take(directory)?;
        let path = directory.join(FILE);
        let overlay = File::open(&path)
            .and_then(Overlay::new)
            .map_err(|error| unusable(directory, &error))?;
        let (storage, first_failure) = Watched::new(overlay);
        let db = unharmed(&path, || {
            let db = builder(DEFAULT_CACHE).create_with_backend(storage);
            let mut db = db.map_err(|error| error_of_opening(directory, &path, error))?;
            match db.check_integrity() {
                Ok(true) => prepare(db),
                Ok(false) => Err(corrupt(&path, "its checksums do not agree")),
                Err(error) => Err(error_of_opening(directory, &path, error)),
            }
        })?;
        Ok(Self::of(Opened { db, _lock: Some(lock) }, None, first_failure))
    }

    fn open_file(directory: &Path, cache: usize, lock: DirectoryLock) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let file = private::open_file(&path).map_err(|error| unusable(directory, &error))?;
        let place = Place::of(directory, &file)?;
        let size = file.metadata().map_err(|error| unusable(directory, &error))?.len();
        if size == 0 {
            // A store gets its name when it is whole. To make a new one of this would hide what is lost.
            return Err(corrupt(&path, "it is empty"));
        }
        let (storage, first_failure) = Watched::new(file_backend(directory, &path, file)?);
        let begun = Instant::now();
        let db = unharmed(&path, || {
            let db = builder(cache).create_with_backend(storage);
            db.map_err(|error| error_of_opening(directory, &path, error)).and_then(prepare)
        })?;
        tracing::info!(path = %path.display(), bytes = size, milliseconds = begun.elapsed().as_millis(),
            "the store is open");
        Ok(Self::of(Opened { db, _lock: Some(lock) }, Some(place), first_failure))
    }

    fn of(opened: Opened, place: Option<Place>, first_failure: FirstFailure) -> Self {
        Self {
            opened: Arc::new(RwLock::new(Some(opened))),
            place: place.map(Arc::new),
            first_failure,
            pinned: None,
            rows_read: Arc::default(),
            quick_restart: false,
        }
    }
}

/// Opens a file. A damaged one may break an assumption that redb does not check; that must not take the
/// process down without a sentence.
fn unharmed(
    path: &Path,
    open: impl FnOnce() -> Result<Database, StoreError>,
) -> Result<Database, StoreError> {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(open));
    opened.unwrap_or_else(|_panic| Err(corrupt(path, "it breaks the rules of its format")))
}

fn corrupt(path: &Path, detail: &str) -> StoreError {
    StoreError::Corrupt { path: path.display().to_string(), detail: detail.to_owned() }
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

/// Makes a store in an empty file.
pub(super) fn make_in(directory: &Path, path: &Path, file: File) -> Result<Database, StoreError> {
    let db = Builder::new().create_with_backend(file_backend(directory, path, file)?);
    db.map_err(|error| error_of_opening(directory, path, error)).and_then(prepare)
}

fn file_backend(directory: &Path, path: &Path, file: File) -> Result<FileBackend, StoreError> {
    FileBackend::new(file).map_err(|error| error_of_opening(directory, path, error))
}

/// Makes the tables of a new store, and checks the format of an old one.
pub(super) fn prepare(db: Database) -> Result<Database, StoreError> {
    let found = {
        let transaction = db.begin_read().map_err(StoreError::io)?;
        tables::format(&transaction)?
    };
    match found {
        Some(tables::FORMAT) => {}
        Some(found) => return Err(StoreError::Newer { found, known: tables::FORMAT }),
        None => {
            let transaction = db.begin_write().map_err(StoreError::io)?;
            tables::create(&transaction)?;
            transaction.commit().map_err(StoreError::io)?;
        }
    }
    Ok(db)
}

fn error_of_opening(directory: &Path, path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse { path: directory.display().to_string() }
        }
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != std::io::ErrorKind::InvalidData
                && error.kind() != std::io::ErrorKind::UnexpectedEof =>
        {
            unusable(directory, &error)
        }
        error => corrupt(path, &error.to_string()),
    }
}
