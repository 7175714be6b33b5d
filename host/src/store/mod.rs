//! The store: the only home of redb, and of the disk format.
//!
//! Reading goes through [`Store`]. Writing has one way: a [`Draft`] says which rows a thing needs,
//! the [`Committer`] writes all drafts that wait in one transaction, and only then does each become
//! a [`Committed`], which nothing else can make. The store knows no engine, no guest and no clock.

mod by_hand;
mod codec;
mod committer;
mod draft;
mod error;
#[cfg(test)]
mod golden;
mod images;
mod line;
mod new;
#[cfg(test)]
mod once;
mod payloads;
mod read;
mod records;
mod tables;
mod turns;
mod write;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};

pub use crate::store::by_hand::ByHand;
pub use crate::store::committer::Committer;
pub use crate::store::draft::{Committed, Draft, TurnAndEffects};
pub use crate::store::error::StoreError;
pub use crate::store::images::{FoundImage, ImageRecord};
pub use crate::store::records::{ModuleRecord, Parked, RunRecord, Standing, WebhookRecord};

/// The name of the one file in the data directory.
const FILE: &str = "segno.redb";

/// How much of the store is kept in memory. Replay reads each turn once, so more would hold what is
/// not read again.
const CACHE_BYTES: usize = 128 << 20;

/// The journal on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Nothing once it is closed.
    db: Arc<RwLock<Option<Database>>>,
    /// The moment that is read, where it is not the present one.
    pinned: Option<Arc<ReadTransaction>>,
    rows_read: Arc<AtomicU64>,
    quick_restart: bool,
}

impl Store {
    /// Opens the store in a data directory, or makes both.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, another process has it, or the file is damaged or from a newer
    /// version.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).map_err(|error| StoreError::Directory {
            path: directory.display().to_string(),
            detail: error.to_string(),
        })?;
        new::make_if_missing(directory)?;
        let path = directory.join(FILE);
        // A damaged file may break an assumption that redb does not check; that must not take the
        // host down without a sentence.
        let opened = std::panic::catch_unwind(|| {
            let db = Database::builder().set_cache_size(CACHE_BYTES).create(&path);
            db.map_err(|error| error_of_opening(directory, &path, error)).and_then(Self::prepare)
        });
        let store = opened.unwrap_or_else(|_panic| {
            Err(StoreError::Corrupt {
                path: path.display().to_string(),
                detail: "it breaks the rules of its format".into(),
            })
        })?;
        new::forget_unfinished(directory);
        Ok(store)
    }

    /// Opens a store on any storage: in memory, or one that fails on purpose.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let path = Path::new("backend");
        Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)
            .map_err(|error| error_of_opening(path, path, error))
            .and_then(Self::prepare)
    }

    /// Makes the tables of a new store, and checks the format of an old one.
    fn prepare(db: Database) -> Result<Self, StoreError> {
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
        Ok(Self {
            db: Arc::new(RwLock::new(Some(db))),
            pinned: None,
            rows_read: Arc::default(),
            quick_restart: false,
        })
    }

    /// The same store, whose commits from now on also keep what it takes to open it at once after a
    /// crash. Without that, the store is checked whole then.
    #[must_use]
    pub fn with_quick_restart(self, quick_restart: bool) -> Self {
        Self { quick_restart, ..self }
    }

    /// Lets the file go, whoever else holds the store: from now on it gives [`StoreError::Closed`].
    /// Reading that is under way comes to its end first.
    pub fn close(&self) {
        drop(self.db.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The store as it is at this moment: what is written later is not seen. To read very much, this
    /// costs a fraction. To be dropped soon, since the room of what is forgotten stays taken.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn pinned(&self) -> Result<Self, StoreError> {
        Ok(Self { pinned: Some(self.begin_read()?), ..self.clone() })
    }

    /// How many rows of turns and of failed attempts were read since the store was opened: those two
    /// tables grow with each run. Of a turn in which something is only looked up, too.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    fn count_row(&self) {
        self.rows_read.fetch_add(1, Ordering::Relaxed);
    }

    fn begin_read(&self) -> Result<Arc<ReadTransaction>, StoreError> {
        if let Some(pinned) = &self.pinned {
            return Ok(Arc::clone(pinned));
        }
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = db.as_ref().ok_or(StoreError::Closed)?.begin_read().map_err(StoreError::io)?;
        Ok(Arc::new(transaction))
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = db.as_ref().ok_or(StoreError::Closed)?.begin_write().map_err(StoreError::io)?;
        transaction.set_quick_repair(self.quick_restart);
        Ok(transaction)
    }
}

fn error_of_opening(directory: &Path, path: &Path, error: DatabaseError) -> StoreError {
    let corrupt = |detail: String| StoreError::Corrupt { path: path.display().to_string(), detail };
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse { path: directory.display().to_string() }
        }
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != std::io::ErrorKind::InvalidData
                && error.kind() != std::io::ErrorKind::UnexpectedEof =>
        {
            StoreError::Directory { path: directory.display().to_string(), detail: error.to_string() }
        }
        error => corrupt(error.to_string()),
    }
}
