//! What is deleted in a life, by hand and because it ended long ago.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_host::store::{RunRecord, Store};
use segno_journal::{RunId, Timestamp};

use crate::simulation::asked::Call;
use crate::simulation::deletions::KEPT;
use crate::simulation::life::Life;
use crate::simulation::witness::Witness;

/// How many sweeps it takes until all that leads to runs was looked at.
const SWEEPS: usize = 6;

impl Life<'_> {
    /// Somebody deletes a run.
    pub(crate) fn delete(&mut self) -> bool {
        self.any_run().is_some_and(|run| {
            if self.witness.is_over(run) {
                self.witness.deletions.may_go.insert(run);
            }
            let asked = self.host().engine.delete(run);
            self.asked.push(Call::Delete(asked));
            true
        })
    }

    /// The host looks for what it keeps no longer.
    pub(crate) fn sweep(&mut self) -> bool {
        let now = self.host().engine.now();
        self.witness.ended_long_ago(now);
        let asked = self.host().engine.sweep();
        self.asked.push(Call::Sweep(asked));
        true
    }

    /// All goes that is to.
    pub(crate) fn sweep_all(&mut self) {
        for _ in 0..SWEEPS {
            self.sweep();
            self.settle();
        }
    }
}

impl Witness {
    fn ended_long_ago(&mut self, now: Timestamp) {
        let kept = u64::try_from(KEPT.as_millis()).expect("it is no eternity");
        let is_long_ago = |at: Timestamp| at.plus_ms(kept) < now;
        let over = self.over.iter();
        let old = over.filter(|(_, standing)| standing.ended_at().is_some_and(is_long_ago));
        self.deletions.may_go.extend(old.map(|(run, _)| *run));
    }

    /// The runs that are there. Those that were and are not were deleted, and their keys are free.
    pub(crate) fn look_at_all(&mut self, store: &Store) -> Vec<(RunId, RunRecord)> {
        let mut runs = Vec::new();
        let visited = store.visit_runs(None, |run, record| {
            runs.push((run, record));
            ControlFlow::Continue(())
        });
        visited.expect("the store can be read");
        look_at_keys(&runs);
        let there: BTreeSet<_> = runs.iter().map(|(run, _)| *run).collect();
        let gone: Vec<_> = self.runs.keys().filter(|run| !there.contains(run)).copied().collect();
        for run in gone {
            self.deletions.went(run);
            self.runs.remove(&run);
            self.keys.retain(|_, of| *of != run);
            self.held.retain(|_, of| *of != run);
        }
        runs
    }
}

/// Of the runs that have not ended, no two have one key.
fn look_at_keys(runs: &[(RunId, RunRecord)]) {
    let mut going_on = BTreeMap::new();
    for (run, record) in runs.iter().filter(|(_, record)| record.standing.ended_at().is_none()) {
        let Some(key) = &record.key else { continue };
        let other = going_on.insert((&record.workflow, key), run);
        assert_eq!(other, None, "{run} has the key {key}, too");
    }
}
