//! Operations whose step this host lacks: they wait, with nothing counted, until a host that has the
//! step opens the store. What such a host cannot do, another one can, so it is never a failure.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;

use parking_lot::Mutex;
use segno_journal::{Op, RunId};

use crate::engine::metrics::Gauge;

/// The operations that wait for a host with their step.
pub(crate) struct Missing {
    state: Mutex<State>,
    /// How many there are.
    waiting: Gauge,
}

#[derive(Default)]
struct State {
    /// Each with the name of its step.
    operations: BTreeMap<(RunId, Op), String>,
    /// How many wait for each step.
    names: BTreeMap<String, usize>,
}

impl Missing {
    /// None yet; this gauge shows how many there are.
    pub(crate) fn new(waiting: Gauge) -> Self {
        Self { state: Mutex::default(), waiting }
    }

    /// An operation waits for a step that this host lacks. The log says so of the first one of each
    /// step: a rollout that came in the wrong order concerns thousands of runs.
    pub(crate) fn put(&self, run: RunId, op: Op, step: &str) {
        let mut state = self.state.lock();
        let Entry::Vacant(place) = state.operations.entry((run, op)) else { return };
        place.insert(step.to_owned());
        let waiting = state.names.entry(step.to_owned()).or_default();
        *waiting += 1;
        let is_first = *waiting == 1;
        drop(state);
        self.waiting.inc();
        if is_first {
            tracing::warn!(
                %run,
                ?step,
                "this host has no such step; what calls it waits until a host that has it is started"
            );
        }
    }

    /// These operations of a run wait no more: they are given up, or the run is over.
    pub(crate) fn forget(&self, run: RunId, ops: RangeInclusive<Op>) {
        let mut state = self.state.lock();
        let ops: Vec<_> = state
            .operations
            .range((run, *ops.start())..=(run, *ops.end()))
            .map(|(key, _)| *key)
            .collect();
        for key in &ops {
            if let Some(step) = state.operations.remove(key)
                && let Some(waiting) = state.names.get_mut(&step)
            {
                *waiting -= 1;
                if *waiting == 0 {
                    state.names.remove(&step);
                }
                self.waiting.dec();
            }
        }
    }

    /// The steps that this host lacks and something waits for, each with how many do.
    pub(crate) fn steps(&self) -> Vec<(String, usize)> {
        self.state.lock().names.iter().map(|(step, waiting)| (step.clone(), *waiting)).collect()
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn what_waits_is_counted_until_its_run_is_over() {
        let (gauge, [one, other]) =
            (Gauge::default(), [0, 1].map(|number| RunId::from_parts(Timestamp(0), number)));
        let missing = Missing::new(gauge.clone());
        missing.put(one, Op(0), "notify");
        missing.put(one, Op(1), "ship");
        missing.put(other, Op(0), "notify");
        missing.put(other, Op(0), "notify");
        assert_eq!(missing.steps(), [("notify".to_owned(), 2), ("ship".to_owned(), 1)]);
        missing.forget(one, Op(0)..=Op(u64::MAX));
        assert_eq!(missing.steps(), [("notify".to_owned(), 1)]);
        assert_eq!(gauge.get(), 1);
    }
}
