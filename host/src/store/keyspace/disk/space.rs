//! A keyspace on a disk: opened, written and closed.

use std::fs::File;
use std::sync::Arc;

use redb::StorageBackend;

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::base::{Base, LogState};
use crate::store::keyspace::disk::checkpoint::Checkpointer;
use crate::store::keyspace::disk::log;
use crate::store::keyspace::disk::storage::{self, Storage, log_paths};
use crate::store::keyspace::disk::tables::{Layers, Moment, Tables};
use crate::store::keyspace::disk::watched::Watched;
use crate::store::place::At;

/// How much of a file is kept in memory while it is made small: what is moved is read once.
const COMPACT_CACHE: usize = 64 << 20;

/// Tables on a disk.
pub(in crate::store) struct Space {
    /// Dropped first: it makes the last checkpoint.
    checkpointer: Checkpointer,
    tables: Arc<Tables>,
}

impl Space {
    pub(in crate::store::keyspace) fn open(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        Self::open_checked(at, storage, cache, |_base| Ok(()), |_tables| Ok(()))
    }

    pub(in crate::store::keyspace) fn open_settled(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        Self::open_checked(at, storage, cache, |_base| Ok(()), Tables::make_last_checkpoint)
    }

    pub(in crate::store::keyspace) fn open_to_look(
        at: At<'_>,
        storage: Storage,
        cache: usize,
    ) -> Result<Self, StoreError> {
        Self::open_checked(at, storage, cache, |base| base.check(at), |_tables| Ok(()))
    }

    fn open_checked(
        at: At<'_>,
        storage: Storage,
        cache: usize,
        check: impl FnOnce(&mut Base) -> Result<(), StoreError>,
        settle: impl FnOnce(&Tables) -> Result<(), StoreError>,
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
        settle(&tables)?;
        let checkpointer = Checkpointer::start(&tables, checkpoints);
        let checkpointer = checkpointer.map_err(|error| at[0].unusable(&error))?;
        Ok(Self { checkpointer, tables })
    }

    pub(in crate::store::keyspace) fn create(at: At<'_>, pages: File) -> Result<Self, StoreError> {
        let pages = storage::pages_of(pages).map_err(|error| at.unusable(&error))?;
        let first_failure = FirstFailure::default();
        let base = Base::open(at, Watched::new(pages, &first_failure), 0)?;
        let moment = Arc::new(base.moment()?);
        let layers = Layers { active: Arc::default(), full: None, base: moment };
        let tables = Arc::new(Tables::new(base, None, layers, 0, first_failure));
        Ok(Self { checkpointer: Checkpointer::none(&tables), tables })
    }

    pub(in crate::store::keyspace) fn compact(
        at: At<'_>,
        pages: Box<dyn StorageBackend>,
    ) -> Result<(), StoreError> {
        let mut base =
            Base::open(at, Watched::new(pages, &FirstFailure::default()), COMPACT_CACHE)?;
        base.compact()?;
        base.close(at)
    }

    pub(in crate::store::keyspace) fn moment(&self) -> Moment {
        self.tables.moment()
    }

    pub(in crate::store::keyspace) fn write<T>(
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

    pub(in crate::store::keyspace) fn cached(&self) -> usize {
        self.tables.base.cached()
    }

    pub(in crate::store::keyspace) fn first_failure(&self) -> FirstFailure {
        FirstFailure::clone(&self.tables.first_failure)
    }

    pub(in crate::store::keyspace) fn close(self, at: At<'_>) -> Result<(), StoreError> {
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
