//! What the one who writes, those who read, and the one who makes checkpoints share.

use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::store::error::{FirstFailure, StoreError};
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::base::{self, Base};
use crate::store::keyspace::disk::layer::{BatchNumber, Layer};
use crate::store::keyspace::disk::lent::Value;
use crate::store::keyspace::disk::log::{Log, LogId};
use crate::store::keyspace::disk::merge::Range;
use crate::store::tables::Table;

/// What the one who writes, those who read, and the one who makes checkpoints share.
pub(super) struct Tables {
    pub(super) base: Base,
    /// Held by the one who writes.
    pub(super) writing: Mutex<Writing>,
    pub(super) log_id: Option<LogId>,
    pub(super) layers: RwLock<Arc<Layers>>,
    /// The last batch that moments see.
    visible: AtomicU64,
    /// A layer is full, or is in the file; or the checkpoints are to stop.
    pub(super) changed: Condvar,
    pub(super) first_failure: FirstFailure,
}

/// What the one who writes has.
pub(super) struct Writing {
    /// None where the file has no log, and is written at once.
    pub(super) log: Option<Log>,
    /// No checkpoints are to be made in the background any more.
    pub(super) stopping: bool,
}

/// Where rows lie, from the newest to the oldest.
pub(super) struct Layers {
    /// What is committed goes in here.
    pub(super) active: Arc<Layer>,
    /// A layer that was full, until its rows are in the file.
    pub(super) full: Option<Arc<Layer>>,
    pub(super) base: Arc<base::Moment>,
}

impl Tables {
    pub(super) fn new(
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

    pub(super) fn moment(&self) -> Moment {
        let layers = self.layers.read();
        Moment { layers: Arc::clone(&layers), batch: self.visible.load(Ordering::Acquire) }
    }

    /// Commits, and lets those see it who look from now on.
    pub(super) fn commit(&self, log: &mut Log, changes: Changes) -> Result<(), StoreError> {
        let batch = log.append(&changes)?;
        let active = Arc::clone(&self.layers.read().active);
        active.insert(batch, changes);
        self.visible.store(batch, Ordering::Release);
        Ok(())
    }

    /// Writes to the file itself, where there is no log.
    pub(super) fn write_through(&self, changes: &Changes) -> Result<(), StoreError> {
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
    pub(in crate::store::keyspace) fn get(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'_>>, StoreError> {
        let Layers { active, full, base } = &*self.layers;
        for layer in [Some(active), full.as_ref()].into_iter().flatten() {
            if let Some(known) = layer.get(table, key, self.batch) {
                return Ok(known.map(Value::Shared));
            }
        }
        Ok(base.get(table, key)?.map(Value::Page))
    }

    pub(in crate::store::keyspace) fn range(
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
