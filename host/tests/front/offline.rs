//! What the command line promises of stores: backups of hosts that go on, and what is said of a store
//! that no host has.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, end, segno};
use crate::support::rogue;

/// How many runs are acknowledged before the backup begins, and how many of it at least while it is
/// made.
const BEFORE: usize = 20;

fn start(host: &Process) -> String {
    host.must(&["start", "env"]).trim().to_owned()
}

#[test]
fn what_was_acknowledged_before_a_backup_goes_on_from_it_after_the_host_was_killed() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    let host = Process::serve(&at("first"));
    host.must(&["deploy", rogue().to_str().unwrap()]);
    let blocked = host.must(&["start", "panic", "--input", "\"oh\""]).trim().to_owned();
    let before: Vec<_> = (0..BEFORE).map(|_| start(&host)).collect();

    let is_over = AtomicBool::new(false);
    let meanwhile = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                meanwhile.lock().unwrap().push(start(&host));
            }
        });
        while meanwhile.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        let said = host.must(&["backup", at("backup").to_str().unwrap()]);
        is_over.store(true, Ordering::Relaxed);
        assert!(said.contains("place it as segno.redb"), "{said}");
    });
    let (code, _, stderr) = host.ask(&["backup", at("backup").to_str().unwrap()]);
    assert_eq!((code, stderr.contains("is there already")), (Some(1), true), "{stderr}");
    // As a failure of power would end it.
    drop(host);

    std::fs::create_dir(at("second")).unwrap();
    std::fs::rename(at("backup"), at("second").join("segno.redb")).unwrap();
    whole(&at("second"));
    let host = Process::serve(&at("second"));
    for run in before {
        let view: Value =
            serde_json::from_str(&host.must(&["--json", "run", &run, "--wait"])).unwrap();
        assert!(view.to_string().contains("completed"), "{view}");
    }
    assert_eq!(host.ask(&["run", &blocked, "--wait"]).0, Some(4), "it is blocked as before");
}

/// Asserts that `check` has nothing to say of a store.
fn whole(data: &Path) {
    let (code, stdout, stderr) = end(segno().arg("check").arg(data));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.starts_with("the store is whole"), "{stdout}");
}

#[test]
fn the_store_of_a_killed_host_is_checked_and_a_run_is_taken_out_of_it_without_changing_it() {
    let directory = TempDir::new().unwrap();
    let host = Process::serve(directory.path());
    host.must(&["deploy", rogue().to_str().unwrap()]);
    let run = start(&host);
    host.must(&["run", &run, "--wait"]);
    let data = directory.path().to_str().unwrap();
    let (code, _, stderr) = end(segno().args(["check", data]));
    assert_eq!((code, stderr.contains("in use by another process")), (Some(1), true), "{stderr}");
    drop(host);

    let file = directory.path().join("segno.redb");
    let before = std::fs::read(&file).unwrap();
    whole(directory.path());
    let (code, stdout, stderr) = end(segno().args(["export", &run, "--data", data]));
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["run"]["status"], "completed", "{stdout}");
    assert!(lines.len() > 1, "{stdout}");
    assert!(std::fs::read(&file).unwrap() == before, "nothing was written");

    let (code, _, stderr) =
        end(segno().args(["export", "run_01JZZZZZZZZZZZZZZZZZZZZZZZ", "--data", data]));
    assert_eq!((code, stderr.contains("there is no run")), (Some(1), true), "{stderr}");
}
