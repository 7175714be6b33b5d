//! The room in the line of the committer: how many bytes may wait there.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many bytes may wait for the committer: drafts may have 32 MiB and more each, and a disk that
/// is slow for a while must not make the host run out of memory. The last draft may go beyond.
const WAITING_BYTES: usize = 256 << 20;

/// Room for bytes. Who takes some when there is none is held back until there is.
#[derive(Debug, Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    held_back: usize,
    closed: bool,
}

impl Room {
    /// Takes room for so many bytes, and waits until there is any. What takes none never waits, and
    /// what is larger than all the room does not wait for ever: it goes beyond.
    pub(super) fn take(&self, bytes: usize) {
        let mut state = self.lock();
        while bytes > 0 && state.taken >= WAITING_BYTES && !state.closed {
            state.held_back += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.held_back -= 1;
        }
        state.taken += bytes;
    }

    /// Gives room back.
    pub(super) fn give_back(&self, bytes: usize) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(bytes);
        if state.held_back > 0 {
            self.changed.notify_all();
        }
    }

    /// Holds nobody back from now on: the committer is gone, and says so itself.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many are held back.
    #[cfg(test)]
    pub(super) fn held_back(&self) -> usize {
        self.lock().held_back
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread::JoinHandle;

    use super::*;

    /// Takes room on another thread, and comes back when that is held back.
    fn held_back(room: &Arc<Room>, bytes: usize) -> JoinHandle<()> {
        let taker = Arc::clone(room);
        let before = room.held_back();
        let taker = std::thread::spawn(move || taker.take(bytes));
        while room.held_back() == before {
            assert!(!taker.is_finished(), "it was not held back");
            std::thread::yield_now();
        }
        taker
    }

    #[test]
    fn who_finds_no_room_is_held_back_until_there_is_some() {
        let room = Arc::new(Room::default());
        room.take(WAITING_BYTES - 1);
        // There is room, so this one may go beyond, whatever it takes.
        room.take(3 * WAITING_BYTES);
        let takers = [held_back(&room, 1), held_back(&room, 1)];
        // Who takes nothing keeps its place in the line, and that must not wait.
        room.take(0);
        room.give_back(3 * WAITING_BYTES);
        room.give_back(WAITING_BYTES);
        takers.into_iter().for_each(|taker| taker.join().expect("it took its room"));
    }

    #[test]
    fn a_closed_room_holds_nobody_back() {
        let room = Arc::new(Room::default());
        room.take(WAITING_BYTES);
        let taker = held_back(&room, 1);
        room.close();
        taker.join().expect("it was let go");
        room.take(1);
    }
}
