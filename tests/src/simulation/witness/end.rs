//! What must hold of a life when all its runs have ended.

use std::collections::BTreeSet;

use segno_host::store::{Standing, Store};
use segno_journal::{Command, Event, RunId, Turn};

use crate::simulation::cuts::KEPT_WORKFLOW;
use crate::simulation::turns::turns;
use crate::simulation::witness::Witness;

impl Witness {
    /// What must hold when all runs have ended.
    pub(crate) fn at_the_end(&self, store: &Store) {
        assert_eq!(store.unfinished().expect("the store can be read"), [], "all runs have ended");
        self.editions.at_the_end(store);
        for (run, seen) in &self.runs {
            let record = store.run(*run).expect("the store can be read").expect("it was there");
            let ended = matches!(
                record.standing,
                Standing::Completed(_) | Standing::Failed(_) | Standing::Cancelled(_)
            );
            let is_lost = self.cuts.is_lost(*run);
            let later = turns(store, *run, seen.turns.len() as u64);
            assert_eq!(later, [], "{run} had turns after its end");
            assert!(
                ended && (is_lost || seen.run.status().has_ended()),
                "{run} has not ended: {record:?}"
            );
            if &*record.workflow == KEPT_WORKFLOW && !is_lost {
                self.nothing_is_left(*run, &seen.turns, store);
            }
            // A run that was cancelled before its first turn keeps what it was given.
            let kept = usize::from(seen.turns.len() == 1 && seen.turns[0].event.ends().is_some());
            let held = store.held(*run).expect("the store can be read");
            assert!(held.len() <= kept, "events of {run} still are held: {held:?}");
        }
    }

    /// The life was worth to be watched: a step was tried again, a request was taken, a run was
    /// cancelled, a key was used twice, and turns were forgotten.
    pub(crate) fn has_everything(&self) {
        let mut turns = self.runs.values().flat_map(|seen| &seen.turns);
        assert!(turns.any(|turn| turn.event == Event::Cancelled), "no run was cancelled");
        let undone = |command: &Command| matches!(command, Command::Undone { .. });
        let mut commands =
            self.runs.values().flat_map(|seen| &seen.turns).flat_map(|turn| &turn.commands);
        assert!(commands.any(undone), "nothing was undone");
        assert!(self.begun.iter().any(|(_, _, number)| *number > 2), "no step was tried again");
        assert!(self.delivered.len() > 2 && self.acknowledged.len() > 2, "no webhook was called");
        assert!(self.keys.len() > 1, "no key was used");
        assert!(self.talk.has_everything(), "nothing was said to a run");
        assert!(self.cuts.has_cut(), "no turn was forgotten");
    }

    /// A run of which only the last turns are kept has forgotten the attempts of steps that are over,
    /// and webhooks that are closed.
    fn nothing_is_left(&self, run: RunId, turns: &[Turn], store: &Store) {
        for (op, attempt) in store.attempts(run).expect("the store can be read") {
            let over = turns.iter().any(|turn| turn.event.op() == Some(op));
            assert!(!over, "{run}: {attempt:?} of step {op} is left, which is over");
        }
        let disposed =
            turns.iter().flat_map(|turn| &turn.commands).filter_map(|command| match command {
                Command::Dispose { inbox } => Some(*inbox),
                _ => None,
            });
        let disposed: BTreeSet<_> = disposed.collect();
        for (token, (of, op, _)) in &self.tokens {
            let left = *of == run && disposed.contains(op) && has_webhook(store, token);
            assert!(!left, "{run}: the token of webhook {op} is left, which is closed");
        }
    }
}

fn has_webhook(store: &Store, token: &str) -> bool {
    store.webhook(token).expect("the store can be read").is_some()
}
