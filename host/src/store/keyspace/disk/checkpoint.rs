//! Bringing the rows of a full layer into the file of pages, while commits go on.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::MutexGuard;

use crate::store::error::StoreError;
use crate::store::keyspace::disk::base::LogState;
use crate::store::keyspace::disk::layer::Layer;
use crate::store::keyspace::disk::log::Log;
use crate::store::keyspace::disk::storage::Checkpoints;
use crate::store::keyspace::disk::tables::{Layers, Tables, Writing};

/// How long rows stay in the log alone, however few they are; twice as long at most.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Who makes checkpoints. When it is dropped, it makes the last one.
pub(super) struct Checkpointer {
    tables: Arc<Tables>,
    way: Way,
}

enum Way {
    Thread(Option<JoinHandle<()>>),
    InPlace,
    Never,
}

impl Checkpointer {
    pub(super) fn start(tables: &Arc<Tables>, checkpoints: Checkpoints) -> io::Result<Self> {
        let way = match checkpoints {
            Checkpoints::InBackground => {
                let tables = Arc::clone(tables);
                let thread = std::thread::Builder::new().name("segno-checkpoint".into());
                Way::Thread(Some(thread.spawn(move || tables.make_checkpoints())?))
            }
            Checkpoints::InPlace => Way::InPlace,
            Checkpoints::Never => Way::Never,
        };
        Ok(Self { tables: Arc::clone(tables), way })
    }

    /// Nobody, for tables that have no log or are only read.
    pub(super) fn none(tables: &Arc<Tables>) -> Self {
        Self { tables: Arc::clone(tables), way: Way::Never }
    }

    /// Begins the other segment where the one that is written is full. Waits where the layer of the other
    /// one is not in the file yet, which only a disk that is slower than its commits makes happen.
    ///
    /// # Errors
    ///
    /// A checkpoint has failed.
    pub(super) fn make_room(
        &self,
        writing: &mut MutexGuard<'_, Writing>,
    ) -> Result<(), StoreError> {
        while writing.log.as_ref().is_some_and(Log::is_full) {
            match self.way {
                Way::Thread(_) if self.tables.full_layer().is_some() => {
                    self.tables.healthy()?;
                    self.tables.changed.wait(writing);
                }
                Way::Thread(_) => {
                    self.tables.turn_over(writing)?;
                    self.tables.changed.notify_all();
                }
                Way::InPlace => {
                    self.tables.checkpoint()?;
                    self.tables.turn_over(writing)?;
                    self.tables.checkpoint()?;
                }
                Way::Never => return Ok(()),
            }
        }
        Ok(())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        match &mut self.way {
            Way::Thread(thread) => {
                self.tables.writing.lock().stopping = true;
                self.tables.changed.notify_all();
                if let Some(thread) = thread.take()
                    && thread.join().is_err()
                {
                    return;
                }
            }
            Way::InPlace => {}
            Way::Never => return,
        }
        // What cannot be brought into the file now is in the log, for who opens the store next.
        if !std::thread::panicking() {
            let _in_the_log = self.tables.make_last_checkpoint();
        }
    }
}

impl Tables {
    /// Makes checkpoints until it is told to stop, or one fails.
    fn make_checkpoints(&self) {
        let _ending = Ending(self);
        let mut writing = self.writing.lock();
        while !writing.stopping {
            if self.full_layer().is_some() {
                let made = MutexGuard::unlocked(&mut writing, || self.checkpoint());
                self.changed.notify_all();
                if made.is_err() {
                    return;
                }
            } else if self.changed.wait_for(&mut writing, MAX_AGE).timed_out()
                && self.full_layer().is_none()
                && self.layers.read().active.last().is_some()
                && self.turn_over(&mut writing).is_err()
            {
                return;
            }
        }
    }

    /// Brings all that is only in the log into the file. Nobody else makes checkpoints meanwhile.
    pub(super) fn make_last_checkpoint(&self) -> Result<(), StoreError> {
        let mut writing = self.writing.lock();
        self.checkpoint()?;
        if self.layers.read().active.last().is_some() {
            self.turn_over(&mut writing)?;
            self.checkpoint()?;
        }
        Ok(())
    }

    /// The layer that is to go into the file, if there is one.
    fn full_layer(&self) -> Option<Arc<Layer>> {
        self.layers.read().full.clone()
    }

    /// Begins the other segment and a layer for it. What is in the one before is to go into the file.
    fn turn_over(&self, writing: &mut Writing) -> Result<(), StoreError> {
        let Some(log) = &mut writing.log else { return Ok(()) };
        self.noting(log.turn_over())?;
        let mut layers = self.layers.write();
        let Layers { active, base, .. } = &**layers;
        let (full, base) = (Some(Arc::clone(active)), Arc::clone(base));
        *layers = Arc::new(Layers { active: Arc::default(), full, base });
        Ok(())
    }

    /// Brings the full layer into the file, if there is one. When this is over, it is there whole and on
    /// the disk, and its segment may be written again.
    fn checkpoint(&self) -> Result<(), StoreError> {
        self.healthy()?;
        let Some(full) = self.full_layer() else { return Ok(()) };
        let state = self.log_id.zip(full.last());
        let state = state.map(|(id, applied)| LogState { id, applied });
        self.noting(self.base.apply(state, |rows| full.visit_newest(|row| rows.set(row))))?;
        let base = Arc::new(self.noting(self.base.moment())?);
        let mut layers = self.layers.write();
        let active = Arc::clone(&layers.active);
        let later = layers.full.clone().filter(|later| !Arc::ptr_eq(later, &full));
        *layers = Arc::new(Layers { active, full: later, base });
        Ok(())
    }

    /// What failed, unless nothing has.
    fn healthy(&self) -> Result<(), StoreError> {
        self.first_failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// After a failure of any kind nothing more is to be committed: it is told to who comes next.
    fn noting<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|error| {
            let _earlier = self.first_failure.set(error.clone());
        })
    }
}

/// Lets nobody wait for checkpoints when the thread that makes them is over, whyever.
struct Ending<'a>(&'a Tables);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _earlier = self.0.first_failure.set(StoreError::Panicked);
        }
        self.0.changed.notify_all();
    }
}
