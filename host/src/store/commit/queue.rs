//! The queue of drafts that wait to be written: bounded in number and in bytes, and written by one at
//! a time.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::store::draft::Rows;
use crate::store::error::StoreError;

/// How many drafts may wait. A full queue holds back the shards, and they the doors.
const WAITING: usize = 8_192;

/// How many bytes may wait for the committer: drafts may have 32 MiB and more each, and a disk that
/// is slow for a while must not make the host run out of memory. The last draft may go beyond.
const WAITING_BYTES: usize = 256 << 20;

/// How many drafts one transaction takes at most: enough to share the fsync among many, few enough
/// that none waits long.
const BATCH: usize = 4_096;

/// After how many bytes of drafts a transaction takes no more: those who wait for it are not to wait
/// for a whole queue of large ones, and what it changes is held in memory until it is committed.
const BATCH_BYTES: usize = 32 << 20;

/// A draft, and what is to happen when it is on disk or cannot be.
pub(super) struct Pending {
    pub(super) rows: Rows,
    /// How much room it takes while it waits.
    pub(super) bytes: usize,
    pub(super) then: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

impl Pending {
    /// Its batch was written, or could not be.
    pub(super) fn go_on(self, written: Result<(), StoreError>) {
        let unmet = self.rows.unmet().map_or(Ok(()), |unmet| Err(StoreError::Unmet(unmet)));
        (self.then)(written.and(unmet));
    }
}

/// Drafts, in the order in which they were handed in.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Somebody may write.
    due: Condvar,
    /// There is room again, or none will ever be needed.
    room: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Pending>,
    /// Of what waits and of what is being written, in bytes.
    taken: usize,
    /// How many are held back for want of room.
    held_back: usize,
    /// Somebody writes.
    writing: bool,
    /// The thread that writes sleeps.
    idle: bool,
    closed: bool,
}

impl State {
    /// Whether one who hands in this much must wait. What has no bytes only keeps its place.
    fn is_full(&self, bytes: usize) -> bool {
        self.waiting.len() >= WAITING || (bytes > 0 && self.taken >= WAITING_BYTES)
    }

    /// The drafts that one transaction takes.
    fn next_batch(&mut self) -> Vec<Pending> {
        let mut bytes = 0;
        let full = self.waiting.iter().take(BATCH).position(|pending| {
            bytes += pending.bytes;
            bytes >= BATCH_BYTES
        });
        let length = full.map_or(self.waiting.len().min(BATCH), |last| last + 1);
        self.waiting.drain(..length).collect()
    }

    /// Wakes the thread that writes, where it sleeps and there is something for it to do.
    fn wake(&mut self, due: &Condvar) {
        if self.idle && !self.writing && !self.waiting.is_empty() {
            // Once is enough: whoever wakes says itself when it sleeps again.
            self.idle = false;
            due.notify_one();
        }
    }
}

impl Queue {
    /// Puts a draft at the end, and waits while there is no room. What is larger than all the room
    /// does not wait for ever: it goes beyond.
    ///
    /// # Errors
    ///
    /// The draft, where the queue is closed.
    pub(super) fn push(&self, pending: Pending) -> Result<(), Box<Pending>> {
        let mut state = self.state.lock();
        while !state.closed && state.is_full(pending.bytes) {
            state.wake(&self.due);
            state.held_back += 1;
            self.room.wait(&mut state);
            state.held_back -= 1;
        }
        if state.closed {
            return Err(Box::new(pending));
        }
        state.taken += pending.bytes;
        state.waiting.push_back(pending);
        Ok(())
    }

    /// Wakes the thread that writes, where there is something for it to do.
    pub(super) fn wake(&self) {
        self.state.lock().wake(&self.due);
    }

    /// Waits for drafts that nobody else writes, and takes as many as one transaction does. Nothing
    /// when the queue is closed and all that waited is gone.
    pub(super) fn take(&self) -> Option<Batch<'_>> {
        let mut state = self.state.lock();
        while state.writing || state.waiting.is_empty() {
            if state.closed && !state.writing {
                return None;
            }
            state.idle = true;
            self.due.wait(&mut state);
        }
        state.idle = false;
        Some(self.batch(state))
    }

    /// Takes the draft that waits, if it is the only one and nobody writes.
    pub(super) fn take_alone(&self) -> Option<Batch<'_>> {
        let mut state = self.state.lock();
        if state.waiting.len() == 1 && !state.writing {
            return Some(self.batch(state));
        }
        state.wake(&self.due);
        None
    }

    /// Takes nothing more. What waits can still be written.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.idle = false;
        drop(state);
        self.due.notify_all();
        self.room.notify_all();
    }

    /// Nobody writes any more: what still waits is dropped.
    pub(super) fn end(&self) {
        self.close();
        let never_written = std::mem::take(&mut self.state.lock().waiting);
        drop(never_written);
    }

    /// How many are held back.
    #[cfg(test)]
    pub(super) fn held_back(&self) -> usize {
        self.state.lock().held_back
    }

    fn batch(&self, mut state: MutexGuard<'_, State>) -> Batch<'_> {
        state.writing = true;
        let drafts = state.next_batch();
        let bytes = drafts.iter().map(|pending| pending.bytes).sum();
        Batch { queue: self, drafts, bytes }
    }
}

/// Drafts that are being written. Nobody else writes until it is dropped.
pub(super) struct Batch<'a> {
    queue: &'a Queue,
    pub(super) drafts: Vec<Pending>,
    bytes: usize,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.writing = false;
        state.taken = state.taken.saturating_sub(self.bytes);
        if state.held_back > 0 {
            self.queue.room.notify_all();
        }
        if state.closed {
            self.queue.due.notify_all();
        }
        state.wake(&self.queue.due);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread::JoinHandle;

    use super::*;

    fn pending(bytes: usize) -> Pending {
        Pending { rows: Rows::default(), bytes, then: Box::new(|_written| {}) }
    }

    fn push(queue: &Queue, bytes: usize) {
        assert!(queue.push(pending(bytes)).is_ok(), "the queue is open");
    }

    /// Takes all that waits, batch by batch, and gives their lengths.
    fn lengths(queue: &Queue) -> Vec<usize> {
        queue.close();
        std::iter::from_fn(|| queue.take().map(|batch| batch.drafts.len())).collect()
    }

    /// Hands in a draft on another thread, and comes back when that is held back.
    fn held_back(queue: &Arc<Queue>, bytes: usize) -> JoinHandle<bool> {
        let pusher = Arc::clone(queue);
        let before = queue.held_back();
        let pusher = std::thread::spawn(move || pusher.push(pending(bytes)).is_ok());
        while queue.held_back() == before {
            assert!(!pusher.is_finished(), "it was not held back");
            std::thread::yield_now();
        }
        pusher
    }

    #[test]
    fn a_transaction_takes_no_more_than_its_bytes() {
        let queue = Queue::default();
        for bytes in [1, BATCH_BYTES - 2, 1, 1, BATCH_BYTES * 2, 1] {
            push(&queue, bytes);
        }
        assert_eq!(lengths(&queue), [3, 2, 1]);
    }

    #[test]
    fn a_transaction_takes_no_more_than_its_drafts() {
        let queue = Queue::default();
        (0..=BATCH).for_each(|_| push(&queue, 1));
        assert_eq!(lengths(&queue), [BATCH, 1]);
    }

    #[test]
    fn who_finds_no_room_is_held_back_until_there_is_some() {
        let queue = Arc::new(Queue::default());
        push(&queue, WAITING_BYTES - 1);
        // There is room, so this one may go beyond, whatever it takes.
        push(&queue, 3 * WAITING_BYTES);
        let pushers = [held_back(&queue, 1), held_back(&queue, 1)];
        // Who takes nothing keeps its place in the queue, and that must not wait.
        push(&queue, 0);
        drop(queue.take());
        drop(queue.take());
        assert!(pushers.into_iter().all(|pusher| pusher.join().expect("it was let go")));
    }

    #[test]
    fn a_queue_of_too_many_drafts_holds_back_as_well() {
        let queue = Arc::new(Queue::default());
        (0..WAITING).for_each(|_| push(&queue, 0));
        let pusher = held_back(&queue, 0);
        drop(queue.take());
        assert!(pusher.join().expect("it was let go"));
    }

    #[test]
    fn a_closed_queue_holds_nobody_back() {
        let queue = Arc::new(Queue::default());
        push(&queue, WAITING_BYTES);
        let pusher = held_back(&queue, 1);
        queue.close();
        assert!(!pusher.join().expect("it was let go"), "it was taken in");
        assert!(queue.push(pending(1)).is_err());
    }

    #[test]
    fn a_draft_is_alone_only_where_nobody_writes() {
        let queue = Queue::default();
        assert!(queue.take_alone().is_none(), "nothing waits");
        push(&queue, 0);
        let first = queue.take_alone().expect("it is alone");
        push(&queue, 0);
        assert!(queue.take_alone().is_none(), "somebody writes");
        drop(first);
        assert!(queue.take_alone().is_some());
    }

    #[test]
    fn what_waits_at_the_end_is_dropped() {
        let queue = Queue::default();
        let held = Arc::new(());
        let by_draft = Arc::clone(&held);
        let then = Box::new(move |_written| drop(by_draft));
        assert!(queue.push(Pending { rows: Rows::default(), bytes: 0, then }).is_ok());
        queue.end();
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
