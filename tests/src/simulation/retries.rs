//! Failed runs that are tried again: each goes back to where it stood, nothing of what it had is lost, and what
//! had come to it comes again.

use std::ops::ControlFlow;

use segno_host::store::{RunRecord, Standing, Store};
use segno_journal::{Event, Run, RunId, Turn};

use crate::simulation::asked::Call;
use crate::simulation::life::Life;
use crate::simulation::turns::turns;
use crate::simulation::witness::{Seen, Witness};

impl Life<'_> {
    /// Somebody tries a failed run again, and what its steps call is mended. Not of children: their parents have
    /// heard how they ended.
    pub(crate) fn retry(&mut self) -> bool {
        let store = self.host().store.clone();
        let has_failed = |run: &RunId| {
            let record = store.run(*run).ok().flatten();
            record.is_some_and(|record| can_be_tried(&record))
        };
        let failed: Vec<_> = self.witness.runs.keys().copied().filter(has_failed).collect();
        self.pick(&failed).is_some_and(|run| {
            self.mended.insert(run);
            let asked = self.host().engine.retry(run);
            self.asked.push(Call::Retry(asked));
            true
        })
    }

    /// Each failed run is tried again once, when nothing else can happen. False if there is none.
    pub(crate) fn retry_each(&mut self) -> bool {
        let store = self.host().store.clone();
        let is_new = |run: &RunId| {
            let record = store.run(*run).ok().flatten();
            record.is_some_and(|record| can_be_tried(&record))
        };
        let runs = self.witness.runs.keys().copied();
        let failed: Vec<_> = runs.filter(|run| !self.mended.contains(run)).filter(is_new).collect();
        for run in &failed {
            self.mended.insert(*run);
            let asked = self.host().engine.retry(*run);
            self.asked.push(Call::Retry(asked));
        }
        !failed.is_empty()
    }

    /// Whether a run has ended for ever.
    pub(crate) fn stays_over(&mut self, run: RunId) -> bool {
        let record = self.host().store.run(run).ok().flatten();
        self.witness.is_over(run) && !record.is_some_and(|record| can_be_tried(&record))
    }
}

fn can_be_tried(record: &RunRecord) -> bool {
    let has_failed = matches!(record.standing, Standing::Failed(_));
    has_failed && record.parent.is_none() && &*record.workflow == "program"
}

impl Witness {
    /// A run that had ended is tried again: what it had is kept, and what comes again is owed once more.
    pub(crate) fn went_back(&mut self, id: RunId, store: &Store) -> bool {
        let Some(seen) = self.runs.get_mut(&id) else { return false };
        if store.run(id).expect("the store can be read").is_none() {
            return false;
        }
        let number = store.set_aside_before(id).expect("the store can be read");
        let number = number.max(self.forks.set_aside(id));
        if number == seen.retries {
            return false;
        }
        assert_eq!(number, seen.retries + 1, "{id} was tried again twice at once");
        seen.retries = number;
        let aside = set_aside(store, (id, number));
        let first = aside.first().expect("something was set aside").seq;
        let kept = usize::try_from(first).expect("it fits");
        assert_eq!(aside, seen.turns[kept..], "{id}: other turns are set aside than it had");
        seen.turns.truncate(kept);
        seen.aside.extend(aside.iter().cloned().map(|turn| (seen.turns.len(), turn)));
        seen.run = folded(id, &seen.turns);
        let retried = turns(store, id, first);
        let is_it = matches!(retried.first().map(|turn| &turn.event), Some(Event::Retried { .. }));
        assert!(is_it, "{id} does not say that it is tried again: {retried:?}");
        let first_op = aside[0].first_op;
        for turn in aside {
            if turn.event.op().is_none_or(|op| op < first_op) {
                self.comes_again(id, &turn.event);
            }
        }
        self.began_anew(id);
        true
    }
}

fn set_aside(store: &Store, of: (RunId, u32)) -> Vec<Turn> {
    let mut aside = Vec::new();
    let visited = store.visit_set_aside(of, 0, |turn| {
        aside.push(turn);
        ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    aside
}

fn folded(id: RunId, turns: &[Turn]) -> Run {
    let apply = |run: Run, turn| match run.apply(turn) {
        Ok((run, _effects)) => run,
        Err(fault) => panic!("{id}: {fault}"),
    };
    turns.iter().fold(Run::new(), apply)
}

impl Seen {
    /// All turns that it ever had, in the order of time.
    pub(crate) fn all_turns(&self) -> Vec<Turn> {
        let mut all = Vec::new();
        let mut aside = self.aside.iter().peekable();
        for (at, turn) in self.turns.iter().enumerate() {
            while let Some((_, before)) = aside.next_if(|(before, _)| *before <= at) {
                all.push(before.clone());
            }
            all.push(turn.clone());
        }
        all.extend(aside.map(|(_, turn)| turn.clone()));
        all
    }
}
