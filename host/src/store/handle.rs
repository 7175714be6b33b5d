//! The handle of a store that is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::{Keyspace, Moment, Transaction};
use crate::store::place::{DirectoryLock, Place};

/// The journal on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Nothing once it is closed.
    opened: Arc<RwLock<Option<Arc<Opened>>>>,
    /// Nothing where it is on a storage without a name.
    place: Option<Arc<Place>>,
    first_failure: FirstFailure,
    /// The moment that is read, where it is not the present one.
    pinned: Option<Arc<Moment>>,
    rows_read: Arc<AtomicU64>,
}

/// What is open, shared with who writes: what is under way comes to its end when the store is closed. The
/// storage is closed before its directory is unlocked.
struct Opened {
    keyspace: Keyspace,
    _lock: Option<DirectoryLock>,
}

impl Store {
    /// The store in a keyspace, and what of the data directory is held for it.
    pub(super) fn of(
        keyspace: Keyspace,
        lock: Option<DirectoryLock>,
        place: Option<Place>,
    ) -> Self {
        let first_failure = keyspace.first_failure();
        let opened = Arc::new(Opened { keyspace, _lock: lock });
        Self {
            opened: Arc::new(RwLock::new(Some(opened))),
            place: place.map(Arc::new),
            first_failure,
            pinned: None,
            rows_read: Arc::default(),
        }
    }

    /// Lets the file go, whoever else holds the store: from now on it gives [`StoreError::Closed`].
    /// Reading that is under way comes to its end first.
    pub fn close(&self) {
        let opened = self.opened.write().take();
        // Nobody else is kept waiting by what the last one has to write.
        drop(opened);
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
    pub(super) fn first_failure(&self) -> Option<StoreError> {
        self.first_failure.get().cloned()
    }

    /// Whether the file that is open still lies in the data directory: what is written now is otherwise
    /// not found by the next host.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check())
    }

    /// The store as it is at this moment: what is written later is not seen. To read very much, this
    /// costs a fraction. To be dropped soon, since the room of what is forgotten stays taken.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn pinned(&self) -> Result<Self, StoreError> {
        Ok(Self { pinned: Some(self.moment()?), ..self.clone() })
    }

    /// How large the file is, and how much of it is kept in memory, in bytes. Nothing is read for it.
    #[must_use]
    pub fn sizes(&self) -> (u64, u64) {
        let cached = self.opened().map_or(0, |opened| opened.keyspace.cached());
        (self.place.as_ref().map_or(0, |place| place.size()), cached as u64)
    }

    /// How many rows of turns and of failed attempts were read since the store was opened: those two
    /// tables grow with each run. Of a turn in which something is only looked up, too.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    pub(super) fn count_row(&self) {
        self.rows_read.fetch_add(1, Ordering::Relaxed);
    }

    /// The moment that is pinned, or else the present one.
    pub(super) fn moment(&self) -> Result<Arc<Moment>, StoreError> {
        if let Some(pinned) = &self.pinned {
            return Ok(Arc::clone(pinned));
        }
        let opened = self.opened.read();
        opened.as_ref().ok_or(StoreError::Closed)?.keyspace.moment().map(Arc::new)
    }

    /// Changes the store in one transaction. No fence holds it: this host has the store for itself.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.opened()?.keyspace.write(&[], change)
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreError> {
        self.opened.read().as_ref().map(Arc::clone).ok_or(StoreError::Closed)
    }
}
