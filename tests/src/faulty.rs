//! A disk that fails on purpose, below the store.

use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// A disk in memory. Clones are the same disk, so its content outlives the store that was opened on
/// it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<State>);

#[derive(Debug, Default)]
struct State {
    synced: Mutex<Vec<u8>>,
    written: Mutex<Vec<u8>>,
    full: AtomicBool,
    /// How many syncs succeed before the disk fails for good; 0 is without bound.
    syncs_left: AtomicI64,
}

impl Disk {
    /// From now on nothing more fits, or everything fits again.
    pub fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// What is left after the power fails: another disk, with what was synced to this one.
    pub fn after_power_failure(&self) -> Self {
        let synced = lock(&self.0.synced).clone();
        Self(Arc::new(State {
            written: Mutex::new(synced.clone()),
            synced: Mutex::new(synced),
            ..State::default()
        }))
    }

    /// The disk fails for good after so many syncs.
    pub fn fail_after_syncs(&self, syncs: u32) {
        self.0.syncs_left.store(i64::from(syncs) + 1, Ordering::SeqCst);
    }

    fn count_sync(&self) {
        if self.0.syncs_left.load(Ordering::SeqCst) > 0
            && self.0.syncs_left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            self.set_full(true);
        }
    }

    fn check_room(&self) -> Result<()> {
        if self.0.full.load(Ordering::SeqCst) {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(lock(&self.0.written).len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let written = lock(&self.0.written);
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let from = written.get(offset..offset + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.check_room()?;
        lock(&self.0.written).resize(usize::try_from(len).map_err(Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        self.count_sync();
        self.check_room()?;
        lock(&self.0.synced).clone_from(&lock(&self.0.written));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.check_room()?;
        let mut written = lock(&self.0.written);
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let to = written.get_mut(offset..offset + data.len()).ok_or(ErrorKind::UnexpectedEof)?;
        to.copy_from_slice(data);
        Ok(())
    }
}
