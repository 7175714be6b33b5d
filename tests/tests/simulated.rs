//! An engine that does only what it is told: each thing that it does waits for somebody to let it.

use segno_host::engine::{Chance, Config, EngineError, Simulated, VirtualClock};
use segno_host::steps::Outcome;
use segno_host::store::{Standing, Store};
use segno_journal::{Event, RunId, Timestamp};
use segno_tests::faulty::Disk;
use segno_tests::{basics, edition, raw};
use serde_json::json;

fn open(disk: &Disk, clock: &VirtualClock) -> (Simulated, Store) {
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let mut config = Config::new("unused", "http://segno.test");
    (config.cache, config.shards) = (segno_tests::cache(), 2);
    let (steps, chance) = (guest_basics::steps(), Chance::seeded(1));
    let engine = Simulated::open(store.clone(), config, steps, clock.clone(), chance);
    (engine.expect("the engine opens"), store)
}

/// Does what can be done, but for time and steps.
fn settle(engine: &mut Simulated) {
    loop {
        if let Some(shard) = engine.told().iter().position(|told| *told > 0) {
            engine.handle(shard);
        } else if engine.written() > 0 {
            engine.let_go();
        } else if engine.waiting() > 0 {
            engine.write(usize::MAX);
        } else {
            return;
        }
    }
}

fn deployed() -> (Disk, VirtualClock) {
    let (disk, clock) = (Disk::default(), VirtualClock::new(Timestamp(1_700_000_000_000)));
    let (mut engine, _store) = open(&disk, &clock);
    let mut asked = engine.deploy(basics()).expect("the module is good");
    settle(&mut engine);
    asked.answer().expect("it is written").expect("it is deployed");
    (disk, clock)
}

fn started(engine: &mut Simulated, workflow: &str, input: &serde_json::Value) -> RunId {
    let mut asked = engine.start(workflow, raw(input), None);
    settle(engine);
    asked.answer().expect("it is written").expect("it starts").run_id
}

#[test]
fn the_world_hears_of_a_turn_when_it_is_on_disk_and_not_before() {
    let (disk, clock) = deployed();
    let (mut engine, _store) = open(&disk, &clock);
    settle(&mut engine);
    let mut asked = engine.start("add_steps", raw(&json!(1)), None);
    let shard = engine.told().iter().position(|told| *told > 0).expect("a shard was told");
    engine.handle(shard);
    assert!((engine.attempts().len(), engine.waiting()) == (0, 1) && asked.answer().is_none());
    engine.write(1);
    assert!(engine.attempts().is_empty() && asked.answer().is_none(), "the committer holds it back");
    engine.let_go();
    assert!(engine.attempts().len() == 1 && asked.answer().is_some());
}

#[test]
fn what_was_not_written_at_a_crash_never_was() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    let run = started(&mut engine, "nap", &json!(1_000));
    let mut lost = engine.start("nap", raw(&json!(1)), None);
    for shard in [0, 1] {
        engine.handle(shard);
    }
    assert!(lost.answer().is_none(), "it is not on disk");
    drop((engine, store));
    let (mut engine, store) = open(&disk.after_power_failure(), &clock);
    assert_eq!(store.unfinished().expect("the store can be read"), [run]);
    settle(&mut engine);
    let due = engine.next_timer().expect("it sleeps");
    engine.wait_until(due);
    settle(&mut engine);
    let record = store.run(run).expect("the store can be read").expect("it is there");
    assert!(matches!(record.standing, Standing::Completed(at) if at == due), "{record:?}");
}

#[test]
fn a_module_that_a_crash_left_behind_is_forgotten_at_the_next_start() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    let run = started(&mut engine, "nap", &json!(1_000));
    let mut asked = engine.deploy(edition(1)).expect("the module is good");
    settle(&mut engine);
    asked.answer().expect("it is written").expect("it is deployed");
    let modules = |store: &Store| store.modules().expect("the store can be read").len();
    assert_eq!(modules(&store), 2, "a run is on the old one");
    let due = engine.next_timer().expect("it sleeps");
    engine.wait_until(due);
    let shard = engine.told().iter().position(|told| *told > 0).expect("a shard was told");
    engine.handle(shard);
    engine.write(1);
    let record = store.run(run).expect("the store can be read").expect("it is there");
    assert!(record.standing.ended_at().is_some() && modules(&store) == 2, "{record:?}");
    drop((engine, store));
    let (mut engine, store) = open(&disk.after_power_failure(), &clock);
    settle(&mut engine);
    assert_eq!(modules(&store), 1, "nothing needs the old one");
}

#[test]
fn an_orderly_stop_writes_what_had_not_begun() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    let runs = [1, 2].map(|n| started(&mut engine, "add_steps", &json!(n)));
    engine.begin_stop();
    let mut refused = engine.start("echo", raw(&json!(1)), None);
    assert!(matches!(refused.answer(), Some(Err(EngineError::Stopping))));
    engine.end(1, Outcome::NeverBegan);
    engine.end(0, Outcome::Returned("1".into()));
    engine.end_stop().expect("it can be written");
    drop(store);
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    let due = engine.next_timer().expect("what had not begun does so in a millisecond");
    engine.wait_until(due);
    settle(&mut engine);
    let numbers: Vec<_> =
        engine.attempts().iter().map(|attempted| (attempted.run, attempted.number)).collect();
    assert_eq!(numbers, [(runs[1], 1)], "the first has ended, the second had not begun");
    let last = store.last_turn(runs[0]).expect("the store can be read").expect("it has one");
    assert!(matches!(last.event, Event::StepCompleted { .. }), "{last:?}");
    // What begins after the stop does not count as held back by it, whatever was written since.
    drop((engine, store));
    let (mut engine, _store) = open(&disk.after_power_failure(), &clock);
    settle(&mut engine);
    let due = engine.next_timer().expect("the attempt that was cut off is followed by another");
    engine.wait_until(due);
    settle(&mut engine);
    let numbers: Vec<_> =
        engine.attempts().iter().map(|attempted| (attempted.run, attempted.number)).collect();
    assert_eq!(numbers, [(runs[1], 2)]);
}
