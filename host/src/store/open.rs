//! Opening a store: the data directory and its file are this host's alone, and the file is whole.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keyspace::{Keyspace, Storage, log_paths};
use crate::store::place::{At, DirectoryLock, FILE, Place, unusable};
use crate::store::unharmed::unharmed;
use crate::store::{create, format, private};

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
        create::make_if_missing(directory)?;
        let store = Self::open_file(directory, cache, lock, Keyspace::open)?;
        create::forget_unfinished(directory);
        Ok(store)
    }

    /// Opens a store again that this process has had open before. None is made: where there is no file
    /// any more, somebody took it away. What is in its log is brought into the file first.
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
        Self::open_file(directory, cache, lock, Keyspace::open_settled)
    }

    /// Opens a store on any storage, such as one that fails on purpose.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(storage: impl Into<Storage>) -> Result<Self, StoreError> {
        Self::open_on_cached(storage, DEFAULT_CACHE)
    }

    /// As [`Store::open_on`], with so many bytes of the storage kept in memory.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on_cached(storage: impl Into<Storage>, cache: usize) -> Result<Self, StoreError> {
        let path = Path::new("storage");
        let keyspace = Keyspace::open(At { directory: path, path }, storage.into(), cache)?;
        Ok(Self::of(format::prepare(keyspace)?, None, None))
    }

    /// Makes a store in memory, which is gone with its last handle.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::of(format::prepare(Keyspace::in_memory())?, None, None))
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
        let at = At { directory, path: &path };
        let unusable = |error| at.unusable(&error);
        let pages = File::open(&path).map_err(unusable)?;
        let [first, second] = log_paths(directory).map(|path| match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        });
        let log = [first.map_err(unusable)?, second.map_err(unusable)?];
        let storage = Storage::to_look_at(pages, log).map_err(unusable)?;
        let keyspace = open_unharmed(at, || {
            Keyspace::open_to_look(at, storage, DEFAULT_CACHE).and_then(format::check)
        })?;
        Ok(Self::of(keyspace, Some(lock), None))
    }

    fn open_file(
        directory: &Path,
        cache: usize,
        lock: DirectoryLock,
        open: impl FnOnce(At<'_>, Storage, usize) -> Result<Keyspace, StoreError>,
    ) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let at = At { directory, path: &path };
        let unusable = |error| at.unusable(&error);
        let pages = private::open_file(&path).map_err(unusable)?;
        let size = pages.metadata().map_err(unusable)?.len();
        if size == 0 {
            // A store gets its name when it is whole. To make a new one of this would hide what is lost.
            return Err(at.corrupt("it is empty"));
        }
        let (log, made) = create::open_log(directory)?;
        let paths = [path.clone()].into_iter().chain(log_paths(directory));
        let place = Place::of(paths.zip([&pages].into_iter().chain(&log)))?;
        let begun = Instant::now();
        let storage = Storage::of_files(directory, pages, log).map_err(unusable)?;
        let keyspace = open_unharmed(at, || open(at, storage, cache).and_then(format::prepare))
            .inspect_err(|_refused| create::forget_empty(&made))?;
        tracing::info!(path = %path.display(), bytes = size, milliseconds = begun.elapsed().as_millis(),
            "the store is open");
        Ok(Self::of(keyspace, Some(lock), Some(place)))
    }
}

/// Opens a file, which may be damaged.
fn open_unharmed(
    at: At<'_>,
    open: impl FnOnce() -> Result<Keyspace, StoreError>,
) -> Result<Keyspace, StoreError> {
    unharmed(open).unwrap_or_else(|| Err(at.corrupt("it breaks the rules of its format")))
}
