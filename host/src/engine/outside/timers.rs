//! All timers of the host: one sorted set, one task that waits for the earliest.
//!
//! A timer is armed only for what is on disk, and is forgotten in a crash: recovery arms it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::{Op, RunId, Timestamp};
use tokio::sync::Notify;

use crate::engine::clock::Clock;
use crate::steps::StepAttempt;

/// How many timers fire before the next look at the clock: a million sleepers may wake in one moment,
/// and what is taken is in memory twice until its shard has heard of it.
const AT_ONCE: usize = 4_096;

/// What is due at a moment.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// A sleep is over, or the time of the run itself, which [`Op::OF_THE_RUN`] stands for.
    Wake(RunId, Op),
    /// A step is to be tried again.
    Retry(Box<StepAttempt>),
}

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
    /// By moment, then by operation; with the attempt that is to be made, if it is no sleep. A host may
    /// have a million sleepers, so there is no byte too many: who forgets a timer knows its moment.
    line: BTreeMap<(Timestamp, RunId, Op), Option<Box<StepAttempt>>>,
    stopped: bool,
}

impl State {
    fn first(&self) -> Option<Timestamp> {
        self.line.first_key_value().map(|((at, ..), _)| *at)
    }
}

impl Timers {
    /// Sets a timer.
    pub(super) fn arm(&self, at: Timestamp, due: Due) {
        let (key, attempt) = match due {
            Due::Wake(run, op) => ((at, run, op), None),
            Due::Retry(attempt) => ((at, attempt.run, attempt.op), Some(attempt)),
        };
        let mut state = self.shared.state.lock();
        state.line.insert(key, attempt);
        let is_first = state.line.first_key_value().is_some_and(|(first, _)| *first == key);
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
    }

    /// Takes the attempt that an operation has a timer for at this moment, if it has one.
    pub(crate) fn take(&self, at: Timestamp, run: RunId, op: Op) -> Option<Box<StepAttempt>> {
        self.shared.state.lock().line.remove(&(at, run, op)).flatten()
    }

    /// Forgets the timer that an operation has at this moment, if it has one.
    pub(super) fn disarm(&self, at: Timestamp, run: RunId, op: Op) {
        self.shared.state.lock().line.remove(&(at, run, op));
    }

    /// Ends [`Timers::run`]: nothing fires any more.
    pub(crate) fn stop(&self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_one();
    }

    /// Fires each timer when it is due, never before, until it is stopped.
    pub(crate) async fn run(self, clock: Clock, fire: impl Fn(Due)) {
        loop {
            let changed = self.shared.changed.notified();
            let next = {
                let state = self.shared.state.lock();
                if state.stopped {
                    return;
                }
                state.first()
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

    /// Takes what is due at a moment, in the order in which it became due: so many at most.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Due> {
        let mut state = self.shared.state.lock();
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE
            && let Some(entry) = state.line.first_entry().filter(|entry| entry.key().0 <= now)
        {
            let ((_, run, op), attempt) = entry.remove_entry();
            taken.push(attempt.map_or(Due::Wake(run, op), Due::Retry));
        }
        taken
    }

    /// When the earliest timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.shared.state.lock().first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_crowd_that_wakes_in_one_moment_a_few_thousand_are_taken_at_a_time_in_their_order() {
        let timers = Timers::default();
        let run = RunId::from_parts(Timestamp(0), 1);
        let crowd = AT_ONCE as u64 + 10;
        (0..crowd).for_each(|op| timers.arm(Timestamp(5), Due::Wake(run, Op(op))));
        assert!(timers.take_due(Timestamp(4)).is_empty());
        let mut woken = 0;
        for taken in [AT_ONCE, 10, 0] {
            let due = timers.take_due(Timestamp(5));
            assert_eq!(due.len(), taken);
            for due in due {
                assert!(matches!(due, Due::Wake(_, op) if op == Op(woken)));
                woken += 1;
            }
        }
        assert_eq!(timers.next(), None);
    }
}
