//! The store: the only home of redb, and of the disk format.
//!
//! Reading goes through [`Store`]. Writing has one way: a [`Draft`] says which rows a thing needs,
//! the [`Committer`] writes all drafts that wait in one transaction, and only then does each become
//! a [`Committed`], which nothing else can make. The store knows no engine, no guest and no clock.

mod backup;
mod by_hand;
mod check;
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
mod open;
mod overlay;
mod payloads;
mod place;
pub(crate) mod private;
mod probe;
mod read;
mod receive;
mod records;
mod tables;
mod trouble;
mod turns;
mod watched;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

pub use crate::store::by_hand::ByHand;
pub use crate::store::check::Checked;
pub use crate::store::committer::{Committer, PanicGuard};
pub use crate::store::draft::{Committed, Draft, TurnAndEffects};
pub use crate::store::error::{DiskTrouble, StoreError};
pub use crate::store::images::{FoundImage, ImageRecord};
pub use crate::store::open::DEFAULT_CACHE;
pub use crate::store::receive::{BackupError, Received};
pub use crate::store::records::{
    ModuleRecord, Note, Noted, Parked, RunRecord, Standing, WebhookRecord,
};

use crate::store::place::{DirectoryLock, Place};
use crate::store::watched::FirstFailure;

/// The name of the one file in the data directory.
const FILE: &str = "segno.redb";

/// The journal on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Nothing once it is closed.
    opened: Arc<RwLock<Option<Opened>>>,
    /// Nothing where it is on a storage without a name.
    place: Option<Arc<Place>>,
    first_failure: FirstFailure,
    /// The moment that is read, where it is not the present one.
    pinned: Option<Arc<ReadTransaction>>,
    rows_read: Arc<AtomicU64>,
    quick_restart: bool,
}

/// What is open. The storage is closed before its directory is unlocked.
struct Opened {
    db: Database,
    _lock: Option<DirectoryLock>,
}

impl Store {
    /// The same store, whose commits from now on also keep what it takes to open it at once after a
    /// crash. Without that, the store is checked whole then.
    #[must_use]
    pub fn with_quick_restart(self, quick_restart: bool) -> Self {
        Self { quick_restart, ..self }
    }

    /// Lets the file go, whoever else holds the store: from now on it gives [`StoreError::Closed`].
    /// Reading that is under way comes to its end first.
    pub fn close(&self) {
        drop(self.opened.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Looks whether the disk has failed, whoever was told of it, and whether the file that is open still
    /// lies in the data directory.
    ///
    /// # Errors
    ///
    /// Nothing more may be acknowledged.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        self.first_failure().map_or_else(|| self.check_place(), Err)
    }

    /// The first failure of the disk, if there was one.
    fn first_failure(&self) -> Option<StoreError> {
        self.first_failure.get().cloned()
    }

    /// Whether the file that is open still lies in the data directory: what is written now is otherwise
    /// not found by the next host.
    fn check_place(&self) -> Result<(), StoreError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check())
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

    /// How large the file is, and how much of it is kept in memory, in bytes. Nothing is read for it.
    #[must_use]
    pub fn sizes(&self) -> (u64, u64) {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let cache = opened.as_ref().map_or(0, |opened| opened.db.cache_stats().used_bytes());
        (self.place.as_ref().map_or(0, |place| place.size()), cache as u64)
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
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            opened.as_ref().ok_or(StoreError::Closed)?.db.begin_read().map_err(StoreError::io)?;
        Ok(Arc::new(transaction))
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let db = &opened.as_ref().ok_or(StoreError::Closed)?.db;
        let mut transaction = db.begin_write().map_err(StoreError::io)?;
        transaction.set_quick_repair(self.quick_restart);
        Ok(transaction)
    }
}
