//! What must have come of a life when all its runs have ended.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use guest_basics::program::{Program, STRICT, Seen};
use segno_host::sandbox::{Capacity, Facts, Module, Moment, Quota, Sandbox, Tokens};
use segno_host::store::{Ancestor, RunRecord, Store};
use segno_journal::{Event, Failure, RunId, Turn, Verdict, divergence};

use crate::basics;
use crate::simulation::endings::{self, End};
use crate::simulation::life::Life;
use crate::simulation::tally::Tally;
use crate::simulation::{attributes, family, model, rows};

const QUOTA: Quota = Quota {
    fuel_per_turn: 2_000_000_000,
    seconds: 60,
    memory: 64 << 20,
    commands_per_turn: 100_000,
    bytes_per_turn: 32 << 20,
    payload: 4 << 20,
};

/// How the error of a run begins that was cancelled, and could not undo all, or not in time.
const LATE: &str = "the run was cancelled, but";

/// How the error of a run begins that took too long.
const TIMED_OUT: &str = "the run took longer than its time-out";

/// Judges a life; gives the digest of what happened and of what is left on disk, and what was counted.
pub(crate) fn judge(mut life: Life<'_>) -> (u64, Tally) {
    life.sweep_all();
    let host = life.host();
    assert!(!host.can_go_on() && host.engine.next_timer().is_none(), "something is left to do");
    let store = host.store.clone();
    life.witness.at_the_end(&store);
    let mut tally = Tally { lives: 1, kills: life.kills, ..Tally::default() };
    for (run, seen) in &life.witness.runs {
        let record = store.run(*run).expect("the store can be read").expect("it was there");
        replay(*run, &record, &seen.turns);
        judge_program(*run, &record, &seen.turns);
        let (endings, retries) = (
            endings::count(&seen.turns),
            u64::from(seen.retries - life.witness.forks.set_aside(*run)),
        );
        tally += Tally { endings, retries, ..Tally::default() };
        family::at_the_end(*run, &record);
        let owed = store.end_call(*run).expect("the store can be read");
        assert_eq!(owed.is_some(), record.on_end.is_some(), "{run}: who calls at its end?");
    }
    attributes::at_the_end(&store);
    let deletions = life.witness.deletions.clone();
    let payloads = rows::payloads(&store, life.witness.runs.keys().copied());
    drop(store);
    let (disk, witness, mut trace) = life.into_disk();
    let rows = rows::of(&disk);
    rows::nothing_is_left(&rows, &payloads, &witness.cuts);
    deletions.at_the_end(&rows, &Store::open_on(disk).expect("the store opens"));
    rows.hash(&mut trace);
    let batches = witness.batches.stored();
    let deletions = deletions.count();
    let (signals, forks) = (witness.talk.at_the_end(), witness.forks.count());
    (trace.finish(), Tally { batches, deletions, signals, forks, ..tally })
}

/// A little program has returned what its journal says that it saw.
fn judge_program(run: RunId, record: &RunRecord, turns: &[Turn]) {
    let Some(Turn { event: Event::Started { input }, .. }) = turns.first() else { return };
    if *record.workflow != *"program" {
        return;
    }
    let program: Program = serde_json::from_str(input).expect("an input is a program");
    let (end, own) = endings::look(run, turns);
    let seen = model::seen(&program, own);
    match &turns.last().expect("it has had a turn").verdict {
        Verdict::Completed(output) => {
            let output: Seen = serde_json::from_str(output).expect("an output is what was seen");
            assert_eq!(
                Some(&output),
                seen.as_ref(),
                "{run} returned something else than what it saw"
            );
            assert!(!(program.strict && output.has_failure()), "{run} is strict");
            assert_eq!(end, End::Own, "{run} came to its end");
        }
        Verdict::Failed(error) | Verdict::FailedAt(Failure { message: error, .. }) => {
            let is_late = error.starts_with(LATE) || error.starts_with(TIMED_OUT);
            let was_ended = turns.last().is_some_and(|turn| turn.event.ends().is_some());
            let (is_it, is_over) = match end {
                End::Own if was_ended => (is_late, false),
                End::Own => (error == STRICT, true),
                End::Unwound(why) => (why == STRICT && error.starts_with(STRICT), true),
                End::Told => (is_late, false),
            };
            assert!(is_it, "{run} failed: {error}");
            let has_failed = |seen: &Seen| program.strict && seen.has_failure();
            let is_as_seen = seen.as_ref().is_some_and(has_failed) == is_over;
            assert!(is_as_seen, "{run} failed, and saw {seen:?}");
        }
        Verdict::Cancelled => {
            let has_failed = matches!(end, End::Unwound(_));
            assert!(has_failed || seen.is_none(), "{run} was cancelled when it was over");
        }
        Verdict::Waiting => panic!("{run} has not ended"),
    }
}

/// A fresh guest gives the same commands for all that is recorded.
fn replay(run: RunId, record: &RunRecord, turns: &[Turn]) {
    let workflow = record.workflow.to_string();
    let started_at = record.told_start();
    let facts = |turn| {
        let Ancestor { run, seed, parent, until: _ } = record.told(run, turn);
        Facts { run, workflow: workflow.clone(), started_at, seed, parent }
    };
    let mut guest = module().instantiate(facts(0), QUOTA).expect("there is room");
    for turn in turns.iter().filter(|turn| turn.event.ends().is_none()) {
        if let Event::Retried { .. } = turn.event {
            guest.skip_to(turn.next_op());
            continue;
        }
        if let Event::Forked { .. } = turn.event {
            guest.be_told(facts(turn.seq));
            continue;
        }
        let moment = Moment { seq: turn.seq, at: turn.at };
        let output = guest.turn(&turn.event, moment, Tokens::recorded(&turn.commands));
        let output = output.unwrap_or_else(|blocked| panic!("{run}, turn {}: {blocked}", turn.seq));
        divergence::check(turn, &output.commands, &output.verdict)
            .unwrap_or_else(|divergence| panic!("{run}: {divergence}"));
    }
}

fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let sandbox = Sandbox::new(Some(&crate::cache()), Capacity::default())
            .expect("the sandbox can be made");
        sandbox.load(&basics()).expect("the component is good")
    })
}
