//! Which runs are forks, and of which.

use std::collections::BTreeMap;

use segno_host::store::Lineage;
use segno_journal::{Op, RunId, Turn};

/// Of which runs the forks have their first turns.
#[derive(Clone, Default)]
pub(crate) struct Forks {
    /// The run that the first of them was forked from.
    roots: BTreeMap<RunId, RunId>,
    /// The runs whose steps the first ones of a fork are, and how many operations began in these turns.
    ancestors: BTreeMap<RunId, (Vec<RunId>, u64)>,
    /// The turn by which each is one.
    since: BTreeMap<RunId, u64>,
    /// The last number under which turns of the runs were set aside that each has turns of.
    set_aside: BTreeMap<RunId, u32>,
}

impl Forks {
    /// This run is a fork; so many operations began in the turns that it has of others.
    pub(crate) fn born(&mut self, run: RunId, lineage: &Lineage, operations: u64) {
        let before = lineage.ancestors.iter().map(|ancestor| ancestor.run).collect::<Vec<_>>();
        self.roots.insert(run, before[0]);
        self.ancestors.insert(run, (before, operations));
        self.since.insert(run, lineage.turn);
        self.set_aside.insert(run, lineage.set_aside);
    }

    /// The number of the last retry of the runs that a run has turns of.
    pub(crate) fn set_aside(&self, run: RunId) -> u32 {
        self.set_aside.get(&run).copied().unwrap_or(0)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.since.len() as u64
    }

    /// Whether a run is forked from the other one, or both are from a third one.
    pub(crate) fn are_kin(&self, one: RunId, other: RunId) -> bool {
        let root = |run| self.roots.get(&run).copied().unwrap_or(run);
        root(one) == root(other)
    }

    /// The runs as whose a step of a run may have returned.
    pub(crate) fn of_step(&self, run: RunId, op: Op) -> Vec<RunId> {
        let before = self.ancestors.get(&run).filter(|(_, operations)| op.0 < *operations);
        before.into_iter().flat_map(|(runs, _)| runs.iter().copied()).chain([run]).collect()
    }

    /// Of these turns of a run those that are its own.
    pub(crate) fn own(&self, run: RunId, mut turns: Vec<Turn>) -> Vec<Turn> {
        let since = self.since.get(&run).copied().unwrap_or(0);
        turns.retain(|turn| turn.seq >= since);
        turns
    }
}
