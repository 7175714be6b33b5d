//! All timers of the host: one sorted set, one task that waits for the earliest.
//!
//! A timer is armed only for what is on disk, and is forgotten in a crash: recovery arms it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use segno_journal::{Op, RunId, Timestamp};
use tokio::sync::Notify;

use crate::engine::clock::Clock;
use crate::steps::Attempted;

/// What is due at a moment.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// A sleep is over.
    Wake(RunId, Op),
    /// A step is to be tried again.
    Retry(Attempted),
}

/// When an operation's timer is due, and the attempt that is then to be made, if it is not a sleep. A
/// host may have a million sleepers, so there is no byte too many.
type Timer = (Timestamp, Option<Box<Attempted>>);

/// The timers. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Timers {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// An earlier timer came, or the end.
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// By moment, then by operation: an operation has one timer at most.
    line: BTreeSet<(Timestamp, RunId, Op)>,
    due: BTreeMap<(RunId, Op), Timer>,
    stopped: bool,
}

impl Timers {
    /// Sets a timer, in place of the one that the operation may have.
    pub(crate) fn arm(&self, at: Timestamp, due: Due) {
        let ((run, op), attempt) = match due {
            Due::Wake(run, op) => ((run, op), None),
            Due::Retry(attempted) => ((attempted.run, attempted.op), Some(Box::new(attempted))),
        };
        let mut state = self.lock();
        if let Some((before, _)) = state.due.insert((run, op), (at, attempt)) {
            state.line.remove(&(before, run, op));
        }
        state.line.insert((at, run, op));
        let is_first = state.line.first() == Some(&(at, run, op));
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
    }

    /// Forgets the timer of an operation, if it has one.
    pub(crate) fn disarm(&self, run: RunId, op: Op) {
        let mut state = self.lock();
        if let Some((at, _)) = state.due.remove(&(run, op)) {
            state.line.remove(&(at, run, op));
        }
    }

    /// Forgets the timers of a run: it is over.
    pub(crate) fn forget(&self, run: RunId) {
        let mut state = self.lock();
        let keys: Vec<_> = state.due.range((run, Op(0))..=(run, Op(u64::MAX))).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some((at, _)) = state.due.remove(&key) {
                state.line.remove(&(at, key.0, key.1));
            }
        }
    }

    /// Ends [`Timers::run`]: nothing fires any more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.shared.changed.notify_one();
    }

    /// Fires each timer when it is due, never before, until it is stopped.
    pub(crate) async fn run(self, clock: Clock, fire: impl Fn(Due)) {
        loop {
            let changed = self.shared.changed.notified();
            let next = {
                let state = self.lock();
                if state.stopped {
                    return;
                }
                state.line.first().map(|(at, ..)| *at)
            };
            match next {
                None => changed.await,
                Some(at) => tokio::select! {
                    () = clock.sleep_until(at) => self.take_due(clock.now()).into_iter().for_each(&fire),
                    () = changed => {}
                },
            }
        }
    }

    /// Takes what is due at a moment, in the order in which it became due.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Due> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        while let Some((at, run, op)) = state.line.first().copied().filter(|(at, ..)| *at <= now) {
            state.line.remove(&(at, run, op));
            taken.extend(state.due.remove(&(run, op)).map(|(_, attempt)| match attempt {
                Some(attempted) => Due::Retry(*attempted),
                None => Due::Wake(run, op),
            }));
        }
        taken
    }

    /// When the earliest timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.lock().line.first().map(|(at, ..)| *at)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
