//! Backups of a host that goes on, and what is found in a store that was harmed.

use std::ops::ControlFlow;
use std::path::Path;

use futures::StreamExt;
use segno_host::engine::{Config, Engine, EngineError, offline};
use segno_host::store::Store;
use segno_journal::RunId;
use segno_tests::{Host, raw};
use serde_json::json;
use tempfile::TempDir;

/// All bytes of a backup.
async fn backup(engine: &Engine) -> Vec<u8> {
    let stream = engine.backup().expect("no other is under way");
    let pieces: Vec<_> = stream.map(|piece| piece.expect("it comes to its end")).collect().await;
    pieces.concat()
}

async fn open(data: &Path) -> Engine {
    let mut config = Config::new(data, "http://segno.test");
    config.cache = segno_tests::cache();
    Engine::open(config, guest_basics::steps()).await.expect("the engine opens")
}

/// What is wrong with the store of a data directory.
fn findings(data: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    let checked = offline::check(data, &mut |finding| findings.push(finding));
    let checked = checked.unwrap_or_else(|error| panic!("it can be opened: {error}"));
    assert_eq!(checked.findings, findings.len() as u64);
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_made_under_load_is_one_moment_from_which_a_host_goes_on() {
    let host = Host::new().await;
    let large = "x".repeat(100_000);
    let mut acknowledged = Vec::new();
    for number in 0..30 {
        acknowledged
            .push((host.start("echo", json!([number, large])).await, json!([number, large])));
    }
    let engine = host.engine.clone();
    let load = tokio::spawn(async move {
        for number in 0_u64.. {
            engine
                .start("echo", raw(&json!([number, "y".repeat(50_000)])), None)
                .await
                .expect("it starts");
        }
    });
    let stream = backup(&host.engine).await;
    load.abort();

    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("segno.redb");
    let received = offline::receive(&file, stream.as_slice()).expect("it is whole");
    assert!(received.bytes > 100_000, "{received:?}");
    assert_eq!(findings(directory.path()), Vec::<String>::new());
    let engine = open(directory.path()).await;
    for (run, input) in acknowledged {
        assert_eq!(segno_tests::output_of(&engine, run).await, input);
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_is_made_at_a_time_and_one_that_nobody_takes_makes_room() {
    let host = Host::new().await;
    // More than lies ready for who takes it.
    for number in 0..40 {
        let noise: String = (0..100_000_u64)
            .map(|at| (b'a' + (at * at * (number + 7) % 23) as u8) as char)
            .collect();
        host.start("echo", json!(noise)).await;
    }
    let first = host.engine.backup().expect("no other is under way");
    assert!(matches!(host.engine.backup().map(drop), Err(EngineError::BackupUnderWay)));
    drop(first);
    segno_tests::patiently(async {
        while host.engine.backup().is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What is done to the rows of a table.
enum Harm {
    /// The first row is gone.
    Remove,
    /// The last bit of the last byte of the first value is another one.
    Flip,
    /// The first row stands under another key as well.
    Stray,
}

fn harm(data: &Path, table: &'static str, harm: &Harm) {
    let store = Store::open(data).expect("the store opens");
    let first = store.raw_rows(table).expect("it can be read").into_iter().next();
    let (mut key, mut value) = first.unwrap_or_else(|| panic!("`{table}` has a row"));
    let harmed = store.change_raw(|rows| match harm {
        Harm::Remove => rows.remove(table, &key),
        Harm::Flip => {
            *value.last_mut().expect("it has a value") ^= 1;
            rows.put(table, &key, &value)
        }
        Harm::Stray => {
            key[0] ^= 1;
            rows.put(table, &key, &value)
        }
    });
    harmed.expect("the disk is well");
}

/// What a store lies in.
const FILES: [&str; 3] = ["segno.redb", "segno.0.log", "segno.1.log"];

fn files(data: &Path) -> [Vec<u8>; 3] {
    FILES.map(|file| std::fs::read(data.join(file)).expect("it is there"))
}

fn directory_with(files: &[Vec<u8>; 3]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (file, bytes) in FILES.iter().zip(files) {
        std::fs::write(directory.path().join(file), bytes).expect("it can be written");
    }
    directory
}

/// A stopped host with something in every table that is looked at.
async fn stopped() -> TempDir {
    let host = Host::new().await;
    // Enough turns for an image.
    let long = host.start("rounds", json!({ "calls": 2, "steps": 600 })).await;
    host.until(long, |view| (view.waits_for.len() == 1).then_some(())).await;
    host.run("echo", json!("x".repeat(100_000))).await;
    let run = host.start("hook", json!(10)).await;
    let token = host.token(run).await;
    for _ in 0..5 {
        host.engine.call_webhook(&token, segno_tests::post("call")).await.expect("it is open");
    }
    let key = Some("key".to_owned());
    host.engine.start("echo", raw(&json!(1)), key).await.expect("it starts");
    host.stop().await
}

#[tokio::test]
async fn a_check_finds_each_harm_and_changes_nothing() {
    let whole = stopped().await;
    assert_eq!(findings(whole.path()), Vec::<String>::new());
    let before = files(whole.path());
    for (table, what, finding) in [
        ("runs", Harm::Remove, "which is not there"),
        ("runs", Harm::Stray, "is not in the list of those that go on"),
        ("unfinished", Harm::Remove, "is not in the list of those that go on"),
        ("unfinished", Harm::Stray, "is to go on, and has no record"),
        ("turns", Harm::Remove, "turn 0 is missing"),
        ("turns", Harm::Stray, "table `turns` has rows of"),
        ("payloads", Harm::Flip, "a payload: a record of table `payloads`"),
        ("payloads", Harm::Remove, "is missing"),
        ("payload_counts", Harm::Flip, "is referred to 2 times, and says"),
        ("images", Harm::Flip, "it has another hash than it says"),
        ("images", Harm::Remove, "has the memory of an image that is not there"),
        ("blocks", Harm::Flip, "they have another hash than their image says"),
        ("webhooks", Harm::Flip, ""),
        ("keys", Harm::Flip, "an idempotency key leads to"),
        ("code", Harm::Flip, "is not what was deployed"),
        ("code", Harm::Remove, "is to start on a module that is not there"),
        ("modules", Harm::Remove, "has code and no record"),
    ] {
        let harmed = directory_with(&before);
        harm(harmed.path(), table, &what);
        let harmed_before = files(harmed.path());
        let found = findings(harmed.path());
        if !finding.is_empty() {
            assert!(
                found.iter().any(|found| found.contains(finding)),
                "{table}: `{finding}` is not in {found:?}"
            );
        }
        assert!(files(harmed.path()) == harmed_before);
    }
    assert!(files(whole.path()) == before);
}

#[tokio::test]
async fn a_file_with_a_changed_byte_is_damaged_or_not_as_it_was_and_never_a_panic() {
    let whole = stopped().await;
    let before = files(whole.path());
    let pages = before[0].len();
    for at in (0..pages).step_by(pages / 41) {
        let mut bytes = before.clone();
        bytes[0][at] ^= 0x10;
        let harmed = directory_with(&bytes);
        let _checked = offline::check(harmed.path(), &mut |_finding| {});
        assert!(files(harmed.path()) == bytes);
    }
}

#[tokio::test]
async fn what_a_run_has_is_taken_out_of_a_stopped_store() {
    let host = Host::new().await;
    let run = host.start("echo", json!({ "large": "x".repeat(20_000) })).await;
    host.end(run).await;
    let directory = host.stop().await;
    let mut lines = Vec::new();
    offline::export(directory.path(), run, &mut |line| lines.push(line)).expect("it is there");
    let text = lines.join("\n");
    assert!(lines[0].contains("\"completed\""), "{}", lines[0]);
    assert!(text.contains(&"x".repeat(20_000)), "payloads are told whole");
    let unknown = offline::export(directory.path(), RunId::from_bytes([7; 16]), &mut |_line| {});
    assert!(unknown.expect_err("it is not there").to_string().contains("there is no run"));
}

#[tokio::test]
async fn a_dump_that_is_not_taken_to_its_end_has_none() {
    let store = Store::in_memory().expect("the store opens");
    let mut taken = Vec::new();
    let dumped = store.dump(|bytes| {
        taken.extend_from_slice(bytes);
        if taken.len() < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    dumped.expect("the store can be read");
    let directory = TempDir::new().expect("a temporary directory");
    let error =
        offline::receive(&directory.path().join("file"), taken.as_slice()).expect_err("it is cut");
    assert!(error.to_string().contains("stopped before its end"), "{error}");
}
