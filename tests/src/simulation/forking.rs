//! Forks: each has the turns that the run had which it left, and goes on by itself; what had come to that comes to it
//! as well, and nothing of that run changes.

use rand::RngExt;
use segno_host::engine::NewFork;
use segno_host::store::{RunRecord, Store};
use segno_journal::{Event, RunId};

use crate::simulation::asked::Call;
use crate::simulation::attributes;
use crate::simulation::life::Life;
use crate::simulation::turns::turns;
use crate::simulation::witness::Witness;

impl Life<'_> {
    /// Somebody forks a little program, where it stands or before any of its turns.
    pub(crate) fn fork(&mut self) -> bool {
        let is_one = |record: &RunRecord| record.parent.is_none() && &*record.workflow == "program";
        let store = self.host().store.clone();
        let runs = self.witness.runs.iter();
        let runs: Vec<_> = runs
            .filter(|(run, _)| store.run(**run).ok().flatten().is_some_and(|it| is_one(&it)))
            .map(|(run, seen)| (*run, seen.turns.len() as u64))
            .collect();
        self.pick(&runs).is_some_and(|(run, had)| {
            let turn = self.random.random_ratio(1, 2).then(|| self.random.random_range(0..=had));
            self.fork_at(run, turn);
            true
        })
    }

    /// Forks the first little program there is, before what it asked for had come to it.
    pub(crate) fn fork_first(&mut self) {
        let store = self.host().store.clone();
        let mut runs = self.witness.runs.keys().copied();
        let is_one = |run: &RunId| {
            store.run(*run).ok().flatten().is_some_and(|record| &*record.workflow == "program")
        };
        if let Some(run) = runs.find(is_one) {
            self.fork_at(run, Some(1));
        }
    }

    /// Forks a run before a turn, or where it stands.
    fn fork_at(&mut self, run: RunId, turn: Option<u64>) {
        let new = NewFork { turn, ..NewFork::default() };
        let asked = self.host().engine.fork(run, new);
        self.asked.push(Call::Fork(asked));
    }
}

impl Witness {
    /// A fork is seen for the first time: what it has of the run that it left is what that had.
    pub(crate) fn forked(&mut self, id: RunId, record: &RunRecord, store: &Store) {
        let Some(lineage) = record.forked.as_deref().filter(|_| !self.runs.contains_key(&id))
        else {
            return;
        };
        let mut all = turns(store, id, 0);
        let since = usize::try_from(lineage.turn).expect("it fits");
        let own = all.split_off(since);
        let says_so = matches!(own.first().map(|turn| &turn.event), Some(Event::Forked { fork }) if fork.from == lineage.from);
        assert!(says_so, "{id} does not say that it is a fork: {own:?}");
        // Somebody may have deleted that, or tried it again from before.
        if let Some(seen) = self.runs.get(&lineage.from) {
            let had = seen.all_turns();
            let other = all.iter().find(|turn| !had.contains(turn));
            assert!(other.is_none(), "{id} has a turn that {} never had: {other:?}", lineage.from);
        }
        let operations = all.last().map_or(0, |last| last.next_op().0);
        let seen = self.runs.entry(id).or_default();
        for turn in all {
            let (run, _effects) = std::mem::take(&mut seen.run)
                .apply(&turn)
                .unwrap_or_else(|fault| panic!("{id}: {fault}"));
            seen.run = run;
            seen.turns.push(turn);
        }
        seen.retries = lineage.set_aside;
        self.forks.born(id, lineage, operations);
    }

    /// What a run was given at its start. A fork has that unless the workflow of the other run had changed it by then.
    pub(crate) fn given(&self, run: RunId, record: &RunRecord, store: &Store) -> Vec<String> {
        let names = attributes::given(&record.workflow).into_keys();
        let Some(lineage) = &record.forked else { return names.collect() };
        let there = store.attributes(run).expect("the store can be read");
        let changed = |name: &String| {
            self.runs.get(&lineage.from).is_none_or(|seen| {
                let all = seen.all_turns();
                let mut commands = all.iter().flat_map(|turn| &turn.commands);
                commands.any(|command| command.attribute().is_some_and(|(of, _)| of == name))
            })
        };
        names.filter(|name| there.contains_key(name) || !changed(name)).collect()
    }
}
