//! The store and its troubles: a damaged file, a full disk, a power failure, a second process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use segno_host::engine::{Clock, Config, Engine, EngineError};
use segno_host::store::{Committer, Draft, StorageBackend as _, Store, StoreError};
use segno_journal::{Event, Op, RunId, Timestamp, Turn, Verdict};
use segno_tests::faulty::{Disk, Kept};
use segno_tests::{basics, raw};
use serde_json::json;
use tempfile::TempDir;

/// What a store lies in.
const FILES: [&str; 3] = ["segno.redb", "segno.0.log", "segno.1.log"];

fn directory() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

fn run() -> RunId {
    RunId::from_parts(Timestamp(1), 1)
}

fn turn(seq: u64) -> Turn {
    let event = Event::Started { input: "1".into() };
    Turn {
        seq,
        first_op: Op(0),
        at: Timestamp(seq),
        event,
        commands: vec![],
        verdict: Verdict::Waiting,
        log: vec![],
    }
}

fn turns(store: &Store) -> u64 {
    let mut turns = 0;
    let visited = store.visit_turns(run(), 0, |turn| {
        assert_eq!(turn.seq, turns);
        turns += 1;
        std::ops::ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    turns
}

#[test]
fn what_was_committed_is_there_after_a_power_failure_and_what_was_not_is_not() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let (committer, _thread) = Committer::start(store).expect("there is a thread");
    for seq in 0..100 {
        let (told, hears) = channel();
        committer.submit(Draft::turn(run(), turn(seq), vec![]), move |committed| {
            told.send(committed.is_ok()).expect("the test listens");
        });
        assert!(hears.recv().expect("the committer answers"));
        let after = Store::open_on(disk.after_power_failure()).expect("the store opens again");
        assert_eq!(turns(&after), seq + 1);
    }
}

#[test]
fn readers_hold_back_no_writer() {
    let store = Store::in_memory().expect("the store opens");
    let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                store.turn(run(), 0).expect("the store can be read");
            }
        });
        let written = (0..2_000).try_for_each(|_| {
            committer.submit(Draft::turn(run(), turn(0), vec![]), |_committed| {});
            committer.flush()
        });
        is_over.store(true, Ordering::Relaxed);
        written.expect("the store can be written while it is read");
    });
}

#[test]
fn on_a_full_disk_nothing_is_said_to_be_stored_and_nothing_before_is_lost() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let (committer, _thread) = Committer::start(store).expect("there is a thread");
    committer.submit(Draft::turn(run(), turn(0), vec![]), |_committed| {});
    committer.flush().expect("there is room");
    disk.set_full(true);
    committer.submit(Draft::turn(run(), turn(1), vec![]), |committed| {
        assert!(committed.is_err(), "it is not on disk");
    });
    assert!(matches!(committer.flush(), Ok(()) | Err(StoreError::Io { .. })));
    assert!(committer.trouble().is_some(), "the committer knows that it is in trouble");
    // Once broken, it stays so until the store is opened again: what follows may depend on what is
    // missing.
    disk.set_full(false);
    let (told, hears) = channel();
    committer.submit(Draft::turn(run(), turn(2), vec![]), move |committed| {
        told.send(committed.is_ok()).expect("the test listens");
    });
    assert!(!hears.recv().expect("the committer answers"));
    let after = Store::open_on(disk.after_power_failure()).expect("the store opens again");
    assert_eq!(turns(&after), 1);
}

/// A disk with a store of which most was deleted, and what is left of it, closed in an orderly way.
fn mostly_deleted() -> (Disk, Vec<(RunId, Op, String)>) {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let (committer, thread) = Committer::start(store).expect("there is a thread");
    let details = |op: u64| format!("{op}:{}", "x".repeat(20_000));
    for op in 0..200 {
        committer.submit(Draft::nothing().with_heartbeat(run(), Op(op), &details(op)), |_| {});
    }
    for op in 0..180 {
        committer.submit(Draft::nothing().without_heartbeat(run(), Op(op)), |_| {});
    }
    committer.submit(Draft::turn(run(), turn(0), vec![]), |_| {});
    committer.flush().expect("there is room");
    committer.stop();
    thread.join().expect("it stops");
    // What is left lies at the end of the file.
    let left = (180..200).map(|op| (run(), Op(op), details(op))).collect();
    (disk.after_crash(disk.operations(), Kept::All), left)
}

#[test]
fn a_store_that_is_made_small_can_crash_at_any_point_and_is_made_small_then() {
    let (disk, left) = mostly_deleted();
    let large = disk.file(0).len().expect("it has a length");
    Store::compact_on(Box::new(disk.file(0))).expect("nobody has it");
    let small = disk.file(0).len().expect("it has a length");
    assert!(small < large, "{small} of {large}");

    let points = disk.operations();
    assert!(points > 20, "there are only {points}");
    for point in 0..=points {
        for kept in [Kept::Nothing, Kept::All, Kept::Some(7)] {
            let after = disk.after_crash(point, kept);
            for is_small in [false, true] {
                if is_small {
                    Store::compact_on(Box::new(after.file(0))).expect("it is whole");
                    assert!(after.file(0).len().expect("it has a length") <= small);
                }
                let store = Store::open_on(after.clone()).expect("it is whole");
                let found = store.heartbeats().expect("it can be read");
                assert!(found == left, "{} are left at {point}, {kept:?}", found.len());
                assert_eq!(turns(&store), 1);
            }
        }
    }
}

#[tokio::test]
async fn an_engine_on_a_full_disk_refuses_new_work_and_loses_none() {
    let disk = Disk::default();
    let directory = directory();
    let open = async |disk: Disk| {
        let store = Store::open_on(disk).expect("the store opens");
        let mut config = Config::new(directory.path(), "http://segno.test");
        config.cache = segno_tests::cache();
        Engine::open_on(store, config, guest_basics::steps(), Clock::System)
            .await
            .expect("the engine opens")
    };
    let engine = open(disk.clone()).await;
    engine.deploy(basics()).await.expect("the module is good");
    let acknowledged =
        engine.start("hook", raw(&json!(1)), None).await.expect("there is room").run_id;
    disk.set_full(true);
    let refused = engine.start("hook", raw(&json!(1)), None).await.expect_err("the disk is full");
    assert!(matches!(refused, EngineError::Store(StoreError::Io { .. })), "{refused}");
    assert!(
        engine.trouble().expect("the host says so").contains("storage"),
        "{:?}",
        engine.trouble()
    );
    let refused =
        engine.start("hook", raw(&json!(1)), None).await.expect_err("the host is in trouble");
    assert!(matches!(refused, EngineError::Store(_)), "{refused}");
    let engine = open(disk.after_power_failure()).await;
    let runs = engine.runs(segno_host::engine::RunFilter { limit: 10, ..Default::default() }).await;
    let runs: Vec<_> =
        runs.expect("the store can be read").runs.iter().map(|run| run.run_id).collect();
    assert_eq!(runs, [acknowledged]);
}

/// A run that is blocked with three requests goes on, and the power fails at each sync of that.
#[tokio::test]
async fn no_crash_while_a_blocked_run_goes_on_loses_what_was_acknowledged() {
    let directory = directory();
    let open = async |disk: &Disk, fuel_per_turn: u64| {
        let store = Store::open_on(disk.clone()).ok()?;
        let mut config = Config::new(directory.path(), "http://segno.test");
        config.cache = segno_tests::cache();
        config.limits.fuel_per_turn = fuel_per_turn;
        Engine::open_on(store, config, guest_basics::steps(), Clock::System).await.ok()
    };
    let disk = Disk::default();
    let little = 30_000_000;
    let much = 1_000_000_000;
    let engine = open(&disk, little).await.expect("the engine opens");
    engine.deploy(basics()).await.expect("the module is good");
    let run = engine.start("hook_heavy", raw(&json!(3)), None).await.expect("it starts").run_id;
    let token = segno_tests::token(&engine, run).await;
    for body in ["1", "2", "3"] {
        engine.call_webhook(&token, segno_tests::post(body)).await.expect("it is stored");
    }
    let held = disk.after_power_failure();
    for syncs in 0.. {
        let disk = held.after_power_failure();
        disk.fail_after_syncs(syncs);
        if let Some(engine) = open(&disk, much).await
            && segno_tests::patiently(ends_or_fails(&engine, run)).await
        {
            assert!(syncs > 3, "the run goes on in some commits");
            return;
        }
        let engine = open(&disk.after_power_failure(), much).await.expect("the engine opens again");
        assert_eq!(
            segno_tests::output_of(&engine, run).await,
            json!(["1", "2", "3"]),
            "after {syncs} syncs"
        );
    }
}

/// Whether the run ends before the host is in trouble.
async fn ends_or_fails(engine: &Engine, run: RunId) -> bool {
    while engine.trouble().is_none() {
        if engine.run(run).await.is_ok_and(|view| view.output.is_some()) {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[test]
fn a_directory_that_is_in_use_is_refused_with_a_sentence() {
    let directory = directory();
    let _first = Store::open(directory.path()).expect("the store opens");
    let error = Store::open(directory.path()).map(drop).expect_err("it is in use");
    assert!(error.to_string().contains("is in use by another process"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_with_a_sentence() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").expect("it can be written");
    let error = Store::open(&file).map(drop).expect_err("it is a file");
    assert!(error.to_string().contains("cannot be used"), "{error}");
}

#[test]
fn a_store_that_a_crash_left_half_made_is_made_again() {
    let directory = directory();
    let half_made = directory.path().join("segno.redb.1.new");
    std::fs::write(&half_made, [0; 8192]).expect("it can be written");
    let store = Store::open(directory.path()).expect("what was never whole holds nothing");
    assert_eq!(store.workflows().expect("the store can be read"), []);
    let names: Vec<_> = std::fs::read_dir(directory.path()).expect("it is there").collect();
    assert_eq!(names.len(), 3, "the pages and the log: {names:?}");
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    let good = {
        let directory = directory();
        let store = Store::open(directory.path()).expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        for seq in 0..50 {
            committer.submit(Draft::turn(run(), turn(seq), vec![]), |_committed| {});
        }
        committer.flush().expect("there is room");
        store.close();
        FILES.map(|file| std::fs::read(directory.path().join(file)).expect("the file is there"))
    };
    let [good, log @ ..] = good;
    let open = |bytes: &[u8]| {
        let directory = directory();
        for (file, bytes) in FILES.into_iter().zip([bytes, &log[0], &log[1]]) {
            std::fs::write(directory.path().join(file), bytes).expect("it can be written");
        }
        Store::open(directory.path())
    };
    let damaged: [&[u8]; 4] = [b"not a store", &good[..100], &good[..good.len() / 3], &[0; 8192]];
    for bytes in damaged {
        let error = open(bytes).map(drop).expect_err("it is damaged");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("is damaged or is not a Segno store"), "{error}");
    }
    // A flipped bit may be where nobody looks; where somebody does, it is an error.
    for at in (0..good.len()).step_by(good.len() / 97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        if let Ok(store) = open(&bytes) {
            let _read = store.visit_turns(run(), 0, |_turn| std::ops::ControlFlow::Continue(()));
        }
    }
}
