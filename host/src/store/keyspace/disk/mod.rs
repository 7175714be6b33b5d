//! Tables on a disk: a log in front, and a file of pages behind it.
//!
//! A transaction is appended to the log and synced, once, and is committed then. Its rows go into a layer
//! in memory, where whoever reads finds them before they look into the file. A layer that is full goes
//! into the file in the background, in one transaction of the file's own: a checkpoint. Commits do not
//! wait for it, because the file has no part in them.

mod base;
mod checkpoint;
mod layer;
mod log;
mod merge;
mod overlay;
mod storage;
mod watched;

use std::fs::File;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};
pub use redb::{BackendError, StorageBackend};

pub(in crate::store) use crate::store::keyspace::disk::storage::log_paths;
pub use crate::store::keyspace::disk::storage::{Checkpoints, Storage};

pub(super) use crate::store::keyspace::disk::base::{Row, Value};
pub(super) use crate::store::keyspace::disk::merge::Range;

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::Value as AnyValue;
use crate::store::keyspace::disk::base::{Base, LogState};
use crate::store::keyspace::disk::checkpoint::Checkpointer;
use crate::store::keyspace::disk::layer::{BatchNumber, Layer};
use crate::store::keyspace::disk::log::{Log, LogId};
use crate::store::keyspace::disk::watched::Watched;
use crate::store::keyspace::transaction::Changes;
use crate::store::place::At;
use crate::store::tables::Table;

/// Tables on a disk.
pub(in crate::store) struct Space {
    /// Dropped first: it makes the last checkpoint.
    checkpointer: Checkpointer,
    tables: Arc<Tables>,
}

/// What the one who writes, those who read, and the one who makes checkpoints share.
struct Tables {
    base: Base,
    /// Held by the one who writes.
    writing: Mutex<Writing>,
    log_id: Option<LogId>,
    layers: RwLock<Arc<Layers>>,
    /// The last batch that moments see.
    visible: AtomicU64,
    /// A layer is full, or is in the file; or the checkpoints are to stop.
    changed: Condvar,
    first_failure: FirstFailure,
}

/// What the one who writes has.
struct Writing {
    /// None where the file has no log, and is written at once.
    log: Option<Log>,
    /// No checkpoints are to be made in the background any more.
    stopping: bool,
}

/// Where rows lie, from the newest to the oldest.
struct Layers {
    /// What is committed goes in here.
    active: Arc<Layer>,
    /// A layer that was full, until its rows are in the file.
    full: Option<Arc<Layer>>,
    base: Arc<base::Moment>,
}

impl Space {
    pub(super) fn open(at: At<'_>, storage: Storage, cache: usize) -> Result<Self, StoreError> {
        Self::open_checked(at, storage, cache, |_base| Ok(()))
    }

    pub(super) fn open_to_look(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        Self::open_checked(at, storage, cache, |base| base.check(at))
    }

    fn open_checked(
        at: At<'_>,
        storage: Storage,
        cache: usize,
        check: impl FnOnce(&mut Base) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let Storage { pages, log, full_at, checkpoints } = storage;
        let first_failure = FirstFailure::default();
        let mut base = Base::open(at, Watched::new(pages, &first_failure), cache)?;
        check(&mut base)?;
        let files = log.map(|file| Watched::new(file, &first_failure));
        let paths = log_paths(at.directory);
        let at = [0, 1].map(|index: usize| At { directory: at.directory, path: &paths[index] });
        let opened = log::open(at, files, full_at, base.log()?, &first_failure)?;
        if opened.is_new {
            base.apply(Some(LogState { id: opened.log.id(), applied: 0 }), |_rows| Ok(()))?;
        }
        let layers = Layers {
            active: Arc::new(opened.active),
            full: opened.older.map(Arc::new),
            base: Arc::new(base.moment()?),
        };
        let tables = Tables::new(base, Some(opened.log), layers, opened.last, first_failure);
        let tables = Arc::new(tables);
        let checkpointer = Checkpointer::start(&tables, checkpoints);
        let checkpointer = checkpointer.map_err(|error| at[0].unusable(&error))?;
        Ok(Self { checkpointer, tables })
    }

    pub(super) fn create(at: At<'_>, pages: File) -> Result<Self, StoreError> {
        let pages = storage::file(pages).map_err(|error| at.unusable(&error))?;
        let first_failure = FirstFailure::default();
        let base = Base::open(at, Watched::new(pages, &first_failure), 0)?;
        let moment = Arc::new(base.moment()?);
        let layers = Layers { active: Arc::default(), full: None, base: moment };
        let tables = Arc::new(Tables::new(base, None, layers, 0, first_failure));
        Ok(Self { checkpointer: Checkpointer::none(&tables), tables })
    }

    pub(super) fn moment(&self) -> Moment {
        self.tables.moment()
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(Moment) -> Result<(T, Changes), StoreError>,
    ) -> Result<T, StoreError> {
        let tables = &*self.tables;
        let mut writing = tables.writing.lock();
        self.checkpointer.make_room(&mut writing)?;
        let (given, changes) = change(tables.moment())?;
        if changes.is_empty() {
            return Ok(given);
        }
        match &mut writing.log {
            Some(log) => tables.commit(log, changes)?,
            None => tables.write_through(&changes)?,
        }
        Ok(given)
    }

    pub(super) fn cached(&self) -> usize {
        self.tables.base.cached()
    }

    pub(super) fn first_failure(&self) -> FirstFailure {
        FirstFailure::clone(&self.tables.first_failure)
    }

    pub(super) fn close(self, at: At<'_>) -> Result<(), StoreError> {
        let Self { checkpointer, tables } = self;
        drop(checkpointer);
        if let Some(failure) = tables.first_failure.get() {
            return Err(failure.clone());
        }
        match Arc::into_inner(tables) {
            Some(Tables { base, layers, .. }) => {
                // The moment in it holds the file.
                drop(layers);
                base.close(at)
            }
            None => Ok(()),
        }
    }
}

impl Tables {
    fn new(
        base: Base,
        log: Option<Log>,
        layers: Layers,
        last: BatchNumber,
        first_failure: FirstFailure,
    ) -> Self {
        Self {
            base,
            log_id: log.as_ref().map(Log::id),
            writing: Mutex::new(Writing { log, stopping: false }),
            layers: RwLock::new(Arc::new(layers)),
            visible: AtomicU64::new(last),
            changed: Condvar::new(),
            first_failure,
        }
    }

    fn moment(&self) -> Moment {
        let layers = self.layers.read();
        Moment { layers: Arc::clone(&layers), batch: self.visible.load(Ordering::Acquire) }
    }

    /// Commits, and lets those see it who look from now on.
    fn commit(&self, log: &mut Log, changes: Changes) -> Result<(), StoreError> {
        let batch = log.append(&changes)?;
        let active = Arc::clone(&self.layers.read().active);
        active.insert(batch, changes);
        self.visible.store(batch, Ordering::Release);
        Ok(())
    }

    /// Writes to the file itself, where there is no log.
    fn write_through(&self, changes: &Changes) -> Result<(), StoreError> {
        self.base.apply(None, |rows| changes.rows().try_for_each(|row| rows.set(row)))?;
        let base = Arc::new(self.base.moment()?);
        *self.layers.write() = Arc::new(Layers { active: Arc::default(), full: None, base });
        Ok(())
    }
}

/// All tables as they were at one moment.
pub(in crate::store) struct Moment {
    layers: Arc<Layers>,
    /// The last batch that it sees.
    batch: BatchNumber,
}

impl Moment {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<AnyValue<'_>>, StoreError> {
        let Layers { active, full, base } = &*self.layers;
        for layer in [Some(active), full.as_ref()].into_iter().flatten() {
            if let Some(known) = layer.get(table, key, self.batch) {
                return Ok(known.map(AnyValue::Shared));
            }
        }
        Ok(base.get(table, key)?.map(AnyValue::Page))
    }

    pub(super) fn range(
        &self,
        table: Table,
        keys: &impl RangeBounds<[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        let Layers { active, full, base } = &*self.layers;
        let full = full.as_ref().and_then(|full| full.range(table, keys, self.batch));
        let layers = [active.range(table, keys, self.batch), full];
        Ok(Range::new(layers, base.range(table, keys)?))
    }
}
