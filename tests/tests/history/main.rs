//! The history of a run, in pages: what is told, and what is read for it.

mod life;

use std::collections::BTreeMap;

use proptest::prelude::*;
use segno_host::engine::{Clock, Config, Engine, HistoryEntry, HistoryEvent, VirtualClock, Wait};
use segno_host::store::{Committer, Draft, RunRecord, Standing, Store};
use segno_journal::{Command, Digest, Event, Op, RunId, Timestamp, Turn, Verdict};
use segno_tests::Host;
use segno_tests::{basics, raw};
use serde_json::json;
use tempfile::TempDir;

use crate::life::{Life, failed, life, step};

fn run() -> RunId {
    RunId::from_parts(Timestamp(1), 1)
}

/// A store with this run in it, which has ended.
fn store_with(life: &Life, store: &Store) {
    let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
    let started_at = Timestamp(1);
    let standing = Standing::Cancelled(Timestamp(2));
    let module = Digest::from_bytes([7; 32]);
    let record = RunRecord::new("w".into(), module, started_at, [0; 32], standing);
    committer.submit(Draft::nothing().with_run(run(), &record), |_written| {});
    for (op, attempts) in &life.attempts {
        for attempt in attempts {
            committer.submit(Draft::attempt(run(), *op, attempt.clone()), |_written| {});
        }
    }
    for turn in &life.turns {
        let draft = Draft::turn(run(), turn.clone(), vec![]);
        let draft = match turn.event {
            Event::StepCompleted { op, .. } | Event::StepFailed { op, .. } => {
                draft.without_failing(run(), op)
            }
            _ => draft,
        };
        committer.submit(draft, |_written| {});
    }
    committer.flush().expect("there is room");
    committer.stop();
}

/// An engine on a store, and the directory that it needs.
async fn engine_on(store: Store) -> (Engine, TempDir) {
    engine_at(store, Clock::System).await
}

/// The same by this clock.
async fn engine_at(store: Store, clock: Clock) -> (Engine, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = segno_tests::cache();
    // Its runs ended long ago.
    config.retention.all = None;
    let engine = Engine::open_on(store, config, guest_basics::steps(), clock).await;
    (engine.expect("the engine opens"), directory)
}

async fn page(engine: &Engine, from: u64, max: usize) -> (Vec<HistoryEntry>, Option<u64>) {
    let page = engine.history(run(), from, max).await.expect("the run is known");
    (page.events, page.next)
}

/// The whole history, in pages of these sizes and then in one.
async fn told(engine: &Engine, sizes: &[usize]) -> Vec<HistoryEntry> {
    let mut told = Vec::new();
    let mut next = Some(0);
    let mut sizes = sizes.iter();
    while let Some(from) = next {
        let entries;
        (entries, next) = page(engine, from, sizes.next().copied().unwrap_or(10_000)).await;
        told.extend(entries);
    }
    told
}

/// Names, numbers and turns are those that the commands of all turns say.
fn check_whole(told: &[HistoryEntry], life: &Life) {
    let commands =
        life.turns.iter().flat_map(|turn| turn.commands.iter().map(|command| (turn.seq, command)));
    let begun: Vec<_> = commands.filter(|(_, command)| command.starts_operation()).collect();
    let name_of = |op: u64| match begun[op as usize] {
        (_, Command::Step { name, .. }) => name,
        (_, other) => panic!("operation {op} is no step: {other}"),
    };
    let mut failures = 0;
    for HistoryEntry { turn, event, .. } in told {
        match event {
            HistoryEvent::StepStarted { op, name, step_id, .. } => {
                assert_eq!((begun[*op as usize].0, name_of(*op)), (*turn, name));
                assert_eq!(*step_id, format!("{}:{op}", run()));
            }
            HistoryEvent::WebhookCreated { op, url } => match begun[*op as usize] {
                (seq, Command::Webhook { url: asked, .. }) => {
                    assert_eq!((seq, asked), (*turn, url))
                }
                (_, other) => panic!("operation {op} is no webhook: {other}"),
            },
            HistoryEvent::StepCompleted { op, name, .. } => {
                assert_eq!(Some(name_of(*op)), name.as_ref())
            }
            HistoryEvent::StepFailed { op, name, .. } => assert_eq!(name_of(*op), name),
            HistoryEvent::StepRetrying { op, attempt, error, .. } => {
                assert_eq!(
                    (begun[*op as usize].0, &failed(Op(*op), *attempt).error),
                    (*turn, error)
                );
                failures += 1;
            }
            _ => {}
        }
    }
    assert_eq!(failures, life.attempts.values().map(Vec::len).sum::<usize>(), "each is told once");
}

/// What is left to tell of a whole history when turns from 1 to before this one are forgotten.
fn without(whole: Vec<HistoryEntry>, first: u64) -> Vec<HistoryEntry> {
    let is_gone = |turn: u64| (1..first).contains(&turn);
    let asked = |entry: &HistoryEntry| match entry.event {
        HistoryEvent::StepStarted { op, .. } => Some((op, entry.turn)),
        _ => None,
    };
    let asked: BTreeMap<_, _> = whole.iter().filter_map(asked).collect();
    let mut left = Vec::new();
    let mut failures = Vec::new();
    for mut entry in whole {
        match &mut entry.event {
            HistoryEvent::StepRetrying { name, .. } => {
                if is_gone(entry.turn) {
                    (entry.turn, *name) = (first, None);
                }
                failures.push(entry);
                continue;
            }
            HistoryEvent::StepCompleted { op, name, .. } if is_gone(asked[op]) => *name = None,
            _ => {}
        }
        // Failed attempts are told with the end of their step.
        if is_gone(entry.turn) {
            failures.clear();
        } else {
            left.append(&mut failures);
            left.push(entry);
        }
    }
    left.append(&mut failures);
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_page_is_the_same_part_of_the_history_whatever_the_pages_before_it(
        seed: u64, length in 1usize..150, sizes in prop::collection::vec(1usize..20, 0..40)
    ) {
        let life = life(seed, length);
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let store = Store::in_memory().expect("the store opens");
            store_with(&life, &store);
            let (engine, _directory) = engine_on(store).await;
            let (whole, next) = page(&engine, 0, 10_000).await;
            assert_eq!(next, None);
            check_whole(&whole, &life);
            assert_eq!(told(&engine, &sizes).await, whole);
            engine.shutdown().await;
        });
    }

    #[test]
    fn what_is_left_of_a_run_that_forgets_is_told_with_the_numbers_that_it_had(
        seed: u64, length in 2usize..150, cut in 1u64..150,
        sizes in prop::collection::vec(1usize..20, 0..40)
    ) {
        let life = life(seed, length);
        let first = cut.min(length as u64 - 1);
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let store = Store::in_memory().expect("the store opens");
            store_with(&life, &store);
            let (engine, _directory) = engine_on(store.clone()).await;
            let (whole, _) = page(&engine, 0, 10_000).await;
            let (committer, _thread) = Committer::start(store).expect("there is a thread");
            committer.submit(Draft::nothing().without_turns(run(), 1..first), |_written| {});
            committer.flush().expect("there is room");
            let left = without(whole, first);
            assert_eq!(page(&engine, 0, 10_000).await, (left.clone(), None));
            assert_eq!(told(&engine, &sizes).await, left);
            engine.shutdown().await;
        });
    }
}

/// A run that asks for a step in each turn, which fails twice and ends so many turns later.
fn long_life(length: u64, later: u64) -> Life {
    let mut life = Life::default();
    for seq in 0..length {
        let event = match seq.checked_sub(later) {
            Some(op) => Event::StepCompleted { op: Op(op), output: "2".into() },
            None => Event::Started { input: "1".into() },
        };
        let first_op = Op(seq);
        let at = Timestamp(seq);
        let verdict = Verdict::Waiting;
        life.turns.push(Turn {
            seq,
            first_op,
            at,
            event,
            commands: vec![step("s".repeat(100))],
            verdict,
            log: vec![],
        });
        if seq >= later {
            let op = Op(seq - later);
            life.attempts.insert(op, vec![failed(op, 1), failed(op, 2)]);
        }
    }
    life
}

#[tokio::test]
async fn a_page_reads_as_few_rows_wherever_it_lies() {
    const LENGTH: u64 = 20_000;
    /// How many turns a binary search looks at among so many.
    const SEARCH: u64 = LENGTH.ilog2() as u64 + 1;
    for (later, searches) in [(1, 1), (1_000, 50), (LENGTH / 2, 50)] {
        let store = Store::in_memory().expect("the store opens");
        store_with(&long_life(LENGTH, later), &store);
        let (engine, _directory) = engine_on(store.clone()).await;
        for from in [later, LENGTH / 2, LENGTH * 3 / 4, LENGTH - 50] {
            let before = store.rows_read();
            let (told, _) = page(&engine, from, 50).await;
            let read = store.rows_read() - before;
            assert_eq!(
                told.len(),
                200,
                "of each turn two attempts, the end of a step and another step"
            );
            // The turns and one more, the attempts, and who asked for the steps.
            let most = 51 + 100 + searches * (SEARCH + 1);
            assert!(
                (150..=most).contains(&read),
                "{read} rows from turn {from} on, {later} turns later"
            );
        }
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn a_run_that_keeps_its_last_turns_counts_its_operations_from_its_beginning() {
    let host = Host::new().await;
    let run = host.start("rounds_kept", json!({ "calls": 1, "steps": 1_000 })).await;
    host.until(run, |view| (view.turns > 1_000).then_some(())).await;
    let told = host.engine.history(run, 0, 10_000).await.expect("what is left can be told").events;
    let first =
        told.iter().map(|entry| entry.turn).find(|turn| *turn > 0).expect("not all is forgotten");
    assert!(first > 300, "turns are forgotten up to {first}");
    let mut nameless = Vec::new();
    for HistoryEntry { turn, event, .. } in &told {
        match event {
            HistoryEvent::StepStarted { op, step_id, .. } => {
                assert_eq!(
                    (*op, step_id),
                    (turn + 1, &format!("{run}:{op}")),
                    "operation 0 is a webhook"
                );
            }
            HistoryEvent::StepCompleted { op, name, .. } => {
                assert_eq!(op, turn);
                nameless.extend(name.is_none().then_some(*turn));
            }
            _ => {}
        }
    }
    assert_eq!(
        nameless,
        [first],
        "the turn that asked for this step is the last one that is forgotten"
    );
}

#[tokio::test]
async fn the_failed_attempts_of_a_step_that_is_not_over_stand_at_the_end() {
    let store = Store::in_memory().expect("the store opens");
    // The clock stands still, so the next attempt is never due.
    let (engine, _directory) =
        engine_at(store, Clock::Virtual(VirtualClock::new(Timestamp(1)))).await;
    engine.deploy(basics()).await.expect("the module is good");
    let run = engine
        .start("step_fails", raw(&json!({"flaky": 1})), None)
        .await
        .expect("it starts")
        .run_id;
    let is_tried_again = |wait: &Wait| matches!(wait, Wait::Step { attempt: 2, .. });
    while !engine.run(run).await.expect("it is known").waits_for.iter().any(is_tried_again) {
        tokio::task::yield_now().await;
    }
    engine.cancel(run).await.expect("it can be cancelled");
    let told = engine.history(run, 0, 100).await.expect("the run is known").events;
    let last: Vec<_> = told.iter().rev().take(2).map(|entry| (entry.turn, &entry.event)).collect();
    assert!(
        matches!(
            last[..],
            [
                (0, HistoryEvent::StepRetrying { attempt: 1, .. }),
                (1, HistoryEvent::RunCancelled { by: None })
            ]
        ),
        "{last:?}"
    );
}
