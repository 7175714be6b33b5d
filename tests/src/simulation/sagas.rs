//! A saga that is cancelled after each number of turns that it can have had, with a crash at each point from the cancel
//! to its end: whatever it had done is undone, last first and each once, or it came to its end.

use std::sync::OnceLock;

use segno_journal::RunId;
use serde_json::{Value, json};

use crate::simulation::life::Life;
use crate::simulation::tally::Tally;
use crate::simulation::told::Told;

/// The seed of the sagas: what is left to chance in them is the same each time.
const SEED: u64 = 11;

/// Three things are done, each with what undoes it; the second in a shield, with an undo that fails once; then a step
/// that nobody can mend has all of them undone.
fn saga() -> Value {
    let work = |id: u64, fails: u32, how: &str| json!({ "id": id, "fails": fails, "how": how });
    let done = |id: u64, fails: u32| {
        json!({ "each": [
            { "step": work(id, 0, "error") },
            { "undo": [work(id + 10, fails, "error"), false] },
        ] })
    };
    let act = json!({ "each": [
        done(0, 0),
        { "shield": done(1, 1) },
        { "sleep": 301 },
        done(2, 0),
        { "step": work(3, 9, "fatal") },
    ] });
    json!({ "webhooks": [], "act": act, "strict": true })
}

/// The saga, cancelled after each number of turns.
fn sagas() -> &'static [Told] {
    static SAGAS: OnceLock<Vec<Told>> = OnceLock::new();
    SAGAS.get_or_init(|| {
        let mut sagas = Vec::new();
        let mut is_cancelled = true;
        while is_cancelled {
            let turns = sagas.len() + 1;
            let told = Told::once(SEED, |life| {
                let run = begin(life);
                is_cancelled = go_on_until(life, run, turns);
                let from = life.disk.operations();
                life.cancel_last();
                life.come_to_its_end();
                from
            });
            sagas.extend(is_cancelled.then_some(told));
        }
        sagas
    })
}

fn begin(life: &mut Life<'_>) -> RunId {
    life.open(None);
    life.deploy();
    life.start_with("program", &saga(), None);
    life.settle();
    let (run, _seen) = life.witness.unfinished().next().expect("it has begun");
    run
}

/// Goes on until the run has had so many turns: false if it has ended before.
fn go_on_until(life: &mut Life<'_>, run: RunId, turns: usize) -> bool {
    while life.witness.runs[&run].turns.len() < turns && !life.witness.is_over(run) {
        life.go_on();
    }
    !life.witness.is_over(run)
}

/// After how many different numbers of turns the saga is cancelled.
#[must_use]
pub fn cancelled() -> usize {
    sagas().len()
}

/// In how many ways the host can crash.
pub(crate) fn crashes() -> u64 {
    sagas().iter().map(Told::crashes).sum()
}

/// The host crashes at a point of one of them, and goes on from what its disk kept.
pub(crate) fn crash(mut number: u64, tell: &mut dyn FnMut(&str)) -> (u64, Tally) {
    for told in sagas() {
        if number < told.crashes() {
            return told.crash(number, |_life| {}, tell);
        }
        number -= told.crashes();
    }
    panic!("there are {} crashes of sagas", crashes())
}
