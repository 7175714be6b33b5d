//! How much may be under way in the engine at once. What comes beyond it is refused at once: it
//! would wait longer than its caller does, and take room for it.

mod chore;
mod families;
mod forgetting;
mod jobs;
mod to_the_end;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

pub(crate) use crate::engine::admission::families::{Carried, Families, Member};
pub(crate) use crate::engine::admission::forgetting::Forgetting;
pub(crate) use crate::engine::admission::jobs::Jobs;
pub(crate) use crate::engine::admission::to_the_end::to_the_end;

use crate::engine::error::EngineError;

/// How many requests may be under way at once, an equal share of them on each shard: those for a shard
/// that does not answer must not keep out the others. More than that wait longer than their callers
/// do: they are told to come later.
const MAX_UNDER_WAY: usize = 10_000;

/// How many bytes those requests may bring with them, shared out in the same way: a few hundred calls
/// of webhooks of the largest size, or some tens of inputs.
const MAX_BYTES_UNDER_WAY: usize = 256 << 20;

/// How many lists and histories are read at once: each may hold a page and the largest turn there is,
/// some forty megabytes, and they share the disk with the turns.
const READS_AT_ONCE: usize = 8;

/// How many webhooks are looked for in the store at once. Each keeps a thread while the disk does not
/// answer, and strangers may ask for any number of them.
const LOOK_UPS_AT_ONCE: usize = 8;

/// How many copies of runs are asked something at once: each is a guest beside those of the runs, and computes.
pub(crate) const QUERIES_AT_ONCE: usize = 4;

/// How many backups are made at once: each holds a moment of the store, whose room cannot be used again.
const BACKUPS_AT_ONCE: usize = 1;

/// How many questions may lie in the inbox of a shard: one that does not answer must not gather more of them
/// with each list.
const QUESTIONS_IN_LINE: usize = 32;

/// The room for what is under way.
pub(crate) struct Admission {
    shards: Box<[Room]>,
    /// The places for questions in the inboxes of the shards.
    questions: Box<[Arc<Semaphore>]>,
    /// For what concerns no run.
    others: Room,
    reads: Arc<Semaphore>,
    look_ups: Semaphore,
    queries: Arc<Semaphore>,
    backup: Arc<Semaphore>,
}

/// The room for the requests of one shard.
struct Room {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
}

/// What a request takes of the room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new(shards: usize) -> Self {
        let share =
            || Room::of(MAX_UNDER_WAY.div_ceil(shards), MAX_BYTES_UNDER_WAY.div_ceil(shards));
        let others = Room::of(MAX_UNDER_WAY, MAX_BYTES_UNDER_WAY);
        let questions = (0..shards).map(|_| Arc::new(Semaphore::new(QUESTIONS_IN_LINE))).collect();
        let shards = (0..shards).map(|_| share()).collect();
        let reads = Arc::new(Semaphore::new(READS_AT_ONCE));
        let look_ups = Semaphore::new(LOOK_UPS_AT_ONCE);
        let queries = Arc::new(Semaphore::new(QUERIES_AT_ONCE));
        let backup = Arc::new(Semaphore::new(BACKUPS_AT_ONCE));
        Self { shards, questions, others, reads, look_ups, queries, backup }
    }

    /// Lets a backup begin: one at a time, since each holds a moment of the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::BackupUnderWay`]: another one is not over.
    pub(crate) fn backup(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.backup).try_acquire_owned().map_err(|_| EngineError::BackupUnderWay)
    }

    /// Lets a request in that brings so many bytes to a run of a shard. One that is larger than all the
    /// room is let in alone.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`]: its shard has no room now.
    pub(crate) fn admit_to(&self, shard: usize, bytes: usize) -> Result<Admitted, EngineError> {
        self.shards[shard].admit(bytes)
    }

    /// Lets a request in that concerns no run.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`]: there is no room now.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admitted, EngineError> {
        self.others.admit(bytes)
    }

    /// A place for a question in the inbox of a shard, if there is one.
    pub(crate) fn question(&self, shard: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.questions[shard]).try_acquire_owned().ok()
    }

    /// Waits for its turn to read. Who gives up waiting leaves the line.
    pub(crate) async fn read(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.reads).acquire_owned().await.map_err(|_closed| EngineError::Stopping)
    }

    /// Waits for its turn to ask a copy of a run. Who gives up waiting leaves the line.
    pub(crate) async fn query(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.queries).acquire_owned().await.map_err(|_closed| EngineError::Stopping)
    }

    /// Lets nobody be asked any more.
    pub(crate) fn ask_no_more(&self) {
        self.queries.close();
    }

    /// Whether nobody is asked any more.
    pub(crate) fn asks_no_more(&self) -> bool {
        self.queries.is_closed()
    }

    /// Whether a copy is being made or asked now.
    pub(crate) fn is_asking(&self) -> bool {
        self.queries.available_permits() < QUERIES_AT_ONCE
    }

    /// Waits for its turn to look for a webhook in the store. Who gives up waiting leaves the line.
    pub(crate) async fn look_up(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.look_ups.acquire().await.map_err(|_closed| EngineError::Stopping)
    }
}

impl Room {
    fn of(requests: usize, max_bytes: usize) -> Self {
        let requests = Arc::new(Semaphore::new(requests));
        let bytes = Arc::new(Semaphore::new(max_bytes));
        Self { requests, bytes, max_bytes }
    }

    fn admit(&self, bytes: usize) -> Result<Admitted, EngineError> {
        let bytes = u32::try_from(bytes.min(self.max_bytes)).map_err(|_| EngineError::Busy)?;
        let request =
            Arc::clone(&self.requests).try_acquire_owned().map_err(|_| EngineError::Busy)?;
        let bytes =
            Arc::clone(&self.bytes).try_acquire_many_owned(bytes).map_err(|_| EngineError::Busy)?;
        Ok(Admitted { _request: request, _bytes: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_busy(room: &Room, bytes: usize) -> bool {
        matches!(room.admit(bytes), Err(EngineError::Busy))
    }

    #[test]
    fn a_shard_that_is_full_keeps_nobody_from_the_others() {
        let admission = Admission::new(2);
        let (full, other) = (0, 1);
        let admitted: Vec<_> = std::iter::from_fn(|| admission.admit_to(full, 0).ok()).collect();
        assert_eq!(admitted.len(), MAX_UNDER_WAY / 2);
        assert!(admission.admit_to(other, 0).is_ok() && admission.admit(0).is_ok());
        drop(admitted);
        assert!(admission.admit_to(full, 0).is_ok());
    }

    #[test]
    fn requests_beyond_the_room_are_refused_until_one_is_done() {
        let admission = Room::of(2, 100);
        let first = admission.admit(0).unwrap();
        let _second = admission.admit(0).unwrap();
        assert!(is_busy(&admission, 0));
        drop(first);
        assert!(!is_busy(&admission, 0));
    }

    #[test]
    fn few_requests_with_many_bytes_fill_the_room_as_well() {
        let admission = Room::of(10, 100);
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
