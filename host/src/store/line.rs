//! The line of drafts that wait to be written: bounded in number and in bytes, and written by one at
//! a time.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::store::committer::Pending;

/// How many drafts may wait. A full line holds back the shards, and they the doors.
const QUEUE: usize = 8_192;

/// How many bytes may wait for the committer: drafts may have 32 MiB and more each, and a disk that
/// is slow for a while must not make the host run out of memory. The last draft may go beyond.
const WAITING_BYTES: usize = 256 << 20;

/// How many drafts one transaction takes at most: enough to share the fsync among many, few enough
/// that none waits long.
const BATCH: usize = 4_096;

/// After how many bytes of drafts a transaction takes no more: those who wait for it are not to wait
/// for a whole line of large ones, and what it changes is held in memory until it is committed.
const BATCH_BYTES: usize = 32 << 20;

/// Drafts, in the order in which they were handed in.
#[derive(Default)]
pub(super) struct Line {
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
        self.waiting.len() >= QUEUE || (bytes > 0 && self.taken >= WAITING_BYTES)
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
}

impl Line {
    /// Puts a draft at the end, and waits while there is no room. What is larger than all the room
    /// does not wait for ever: it goes beyond.
    ///
    /// # Errors
    ///
    /// The draft, where the line is closed.
    pub(super) fn push(&self, pending: Pending) -> Result<(), Pending> {
        let mut state = self.state.lock();
        while !state.closed && state.is_full(pending.bytes) {
            self.rouse(&mut state);
            state.held_back += 1;
            self.room.wait(&mut state);
            state.held_back -= 1;
        }
        if state.closed {
            return Err(pending);
        }
        state.taken += pending.bytes;
        state.waiting.push_back(pending);
        Ok(())
    }

    /// Wakes the thread that writes, where there is something for it to do.
    pub(super) fn wake(&self) {
        self.rouse(&mut self.state.lock());
    }

    /// Waits for drafts that nobody else writes, and takes as many as one transaction does. Nothing
    /// when the line is closed and all that waited is gone.
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
        self.rouse(&mut state);
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
        Batch { line: self, drafts, bytes }
    }

    fn rouse(&self, state: &mut State) {
        if state.idle && !state.writing && !state.waiting.is_empty() {
            // Once is enough: whoever wakes says itself when it sleeps again.
            state.idle = false;
            self.due.notify_one();
        }
    }
}

/// Drafts that are being written. Nobody else writes until it is dropped.
pub(super) struct Batch<'a> {
    line: &'a Line,
    pub(super) drafts: Vec<Pending>,
    bytes: usize,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state.lock();
        state.writing = false;
        state.taken = state.taken.saturating_sub(self.bytes);
        if state.held_back > 0 {
            self.line.room.notify_all();
        }
        if state.closed {
            self.line.due.notify_all();
        }
        self.line.rouse(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread::JoinHandle;

    use super::*;
    use crate::store::draft::Rows;

    fn pending(bytes: usize) -> Pending {
        Pending { rows: Rows::default(), bytes, then: Box::new(|_written| {}) }
    }

    fn push(line: &Line, bytes: usize) {
        assert!(line.push(pending(bytes)).is_ok(), "the line is open");
    }

    /// Takes all that waits, batch by batch, and gives their lengths.
    fn lengths(line: &Line) -> Vec<usize> {
        line.close();
        std::iter::from_fn(|| line.take().map(|batch| batch.drafts.len())).collect()
    }

    /// Hands in a draft on another thread, and comes back when that is held back.
    fn held_back(line: &Arc<Line>, bytes: usize) -> JoinHandle<bool> {
        let pusher = Arc::clone(line);
        let before = line.held_back();
        let pusher = std::thread::spawn(move || pusher.push(pending(bytes)).is_ok());
        while line.held_back() == before {
            assert!(!pusher.is_finished(), "it was not held back");
            std::thread::yield_now();
        }
        pusher
    }

    #[test]
    fn a_transaction_takes_no_more_than_its_bytes() {
        let line = Line::default();
        for bytes in [1, BATCH_BYTES - 2, 1, 1, BATCH_BYTES * 2, 1] {
            push(&line, bytes);
        }
        assert_eq!(lengths(&line), [3, 2, 1]);
    }

    #[test]
    fn a_transaction_takes_no_more_than_its_drafts() {
        let line = Line::default();
        (0..=BATCH).for_each(|_| push(&line, 1));
        assert_eq!(lengths(&line), [BATCH, 1]);
    }

    #[test]
    fn who_finds_no_room_is_held_back_until_there_is_some() {
        let line = Arc::new(Line::default());
        push(&line, WAITING_BYTES - 1);
        // There is room, so this one may go beyond, whatever it takes.
        push(&line, 3 * WAITING_BYTES);
        let pushers = [held_back(&line, 1), held_back(&line, 1)];
        // Who takes nothing keeps its place in the line, and that must not wait.
        push(&line, 0);
        drop(line.take());
        drop(line.take());
        assert!(pushers.into_iter().all(|pusher| pusher.join().expect("it was let go")));
    }

    #[test]
    fn a_line_of_too_many_drafts_holds_back_as_well() {
        let line = Arc::new(Line::default());
        (0..QUEUE).for_each(|_| push(&line, 0));
        let pusher = held_back(&line, 0);
        drop(line.take());
        assert!(pusher.join().expect("it was let go"));
    }

    #[test]
    fn a_closed_line_holds_nobody_back() {
        let line = Arc::new(Line::default());
        push(&line, WAITING_BYTES);
        let pusher = held_back(&line, 1);
        line.close();
        assert!(!pusher.join().expect("it was let go"), "it was taken in");
        assert!(line.push(pending(1)).is_err());
    }

    #[test]
    fn a_draft_is_alone_only_where_nobody_writes() {
        let line = Line::default();
        assert!(line.take_alone().is_none(), "nothing waits");
        push(&line, 0);
        let first = line.take_alone().expect("it is alone");
        push(&line, 0);
        assert!(line.take_alone().is_none(), "somebody writes");
        drop(first);
        assert!(line.take_alone().is_some());
    }

    #[test]
    fn what_waits_at_the_end_is_dropped() {
        let line = Line::default();
        let held = Arc::new(());
        let by_draft = Arc::clone(&held);
        let then = Box::new(move |_written| drop(by_draft));
        assert!(line.push(Pending { rows: Rows::default(), bytes: 0, then }).is_ok());
        line.end();
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
