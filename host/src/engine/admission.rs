//! How much may be under way in the engine at once. What comes beyond it is refused at once: it
//! would wait longer than its caller does, and take room for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::error::EngineError;

/// How many requests may be under way at once. More than that wait longer than their callers do:
/// they are told to come later.
const MAX_UNDER_WAY: usize = 10_000;

/// How many bytes those requests may bring with them: a few hundred calls of webhooks of the largest
/// size, or some tens of inputs.
const MAX_BYTES_UNDER_WAY: usize = 256 << 20;

/// How many lists and histories are read at once: each may hold a page and the largest turn there is,
/// some forty megabytes, and they share the disk with the turns.
const READS_AT_ONCE: usize = 8;

/// The room for what is under way.
pub(crate) struct Admission {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    reads: Arc<Semaphore>,
    backup: Arc<Semaphore>,
}

/// What a request takes of the room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self::of(MAX_UNDER_WAY, MAX_BYTES_UNDER_WAY)
    }

    fn of(requests: usize, max_bytes: usize) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(requests)),
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            backup: Arc::new(Semaphore::new(1)),
        }
    }

    /// Lets a backup begin: one at a time, since each holds a moment of the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::BackupUnderWay`]: another one is not over.
    pub(crate) fn backup(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.backup).try_acquire_owned().map_err(|_| EngineError::BackupUnderWay)
    }

    /// Lets a request in that brings so many bytes. One that is larger than all the room is let in
    /// alone.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`]: there is no room now.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admitted, EngineError> {
        let bytes = u32::try_from(bytes.min(self.max_bytes)).map_err(|_| EngineError::Busy)?;
        let request = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| EngineError::Busy)?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).map_err(|_| EngineError::Busy)?;
        Ok(Admitted { _request: request, _bytes: bytes })
    }

    /// Waits for its turn to read. Who gives up waiting leaves the line.
    pub(crate) async fn read(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.reads).acquire_owned().await.map_err(|_closed| EngineError::Stopping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_busy(admission: &Admission, bytes: usize) -> bool {
        matches!(admission.admit(bytes), Err(EngineError::Busy))
    }

    #[test]
    fn requests_beyond_the_room_are_refused_until_one_is_done() {
        let admission = Admission::of(2, 100);
        let first = admission.admit(0).unwrap();
        let _second = admission.admit(0).unwrap();
        assert!(is_busy(&admission, 0));
        drop(first);
        assert!(!is_busy(&admission, 0));
    }

    #[test]
    fn few_requests_with_many_bytes_fill_the_room_as_well() {
        let admission = Admission::of(10, 100);
        let first = admission.admit(60).unwrap();
        assert!(is_busy(&admission, 60));
        let second = admission.admit(40).unwrap();
        drop((first, second));
        let alone = admission.admit(1_000).unwrap();
        assert!(is_busy(&admission, 1));
        drop(alone);
        assert!(!is_busy(&admission, 100));
    }
}
