//! What somebody sees on the command line when something is wrong.

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, with_steps};
use crate::support::{basics, rogue};

fn host(data: &TempDir) -> Process {
    let host = Process::start(with_steps().arg("serve").arg("--data").arg(data.path()));
    host.must(&["deploy", basics().to_str().unwrap(), rogue().to_str().unwrap()]);
    host
}

#[test]
fn trouble_is_seen_without_opening_the_right_run() {
    let data = TempDir::new().unwrap();
    let host = host(&data);
    assert_eq!(host.must(&["health"]), "all is well\n");
    assert_eq!(host.must(&["runs", "--trouble"]), "no runs\n");
    host.must(&["start", "nap", "--input", "3600000"]);
    let (_, started, _) = host.ask(&["start", "panic", "--input", "\"alas\"", "--wait"]);
    let run = started.lines().next().unwrap();

    assert!(host.must(&["runs"]).contains("sleep until 2"));
    let trouble = host.must(&["runs", "--trouble"]);
    assert_eq!(trouble.lines().count(), 2, "a heading and one run: {trouble}");
    assert!(trouble.contains(run) && trouble.contains("blocked (trap) since "), "{trouble}");
    assert!(trouble.contains("the workflow panicked: alas"), "{trouble}");
    let (code, sentences, _) = host.ask(&["health"]);
    assert_eq!(code, Some(1));
    assert!(sentences.starts_with("1 run is blocked: trap; "), "{sentences}");
    let report: Value = serde_json::from_str(&host.ask(&["health", "--json"]).1).unwrap();
    assert_eq!(report["problems"][0]["kind"], "blocked");
}

#[test]
fn a_resume_that_blocks_again_at_once_is_no_success() {
    let data = TempDir::new().unwrap();
    let host = host(&data);
    let (_, started, _) = host.ask(&["start", "panic", "--input", "\"alas\"", "--wait"]);
    let run = started.lines().next().unwrap();
    let (code, stdout, stderr) = host.ask(&["resume", run]);
    assert_eq!(code, Some(4), "{stdout}{stderr}");
    assert!(stdout.starts_with(&format!("{run} blocked: trap: ")), "{stdout}");
    let history = host.must(&["run", run]);
    assert_eq!(history.matches("the run was blocked (trap): ").count(), 2, "{history}");
    assert!(history.contains("it could not be told: its start with \"alas\""), "{history}");
    assert!(history.contains("the run was resumed"), "{history}");
}

#[test]
fn a_run_begins_and_ends_with_what_it_waits_for_and_shows_its_last_entries() {
    let data = TempDir::new().unwrap();
    let host = host(&data);
    let run = host.must(&["start", "nap", "--input", "3600000"]);
    let told = host.must(&["run", run.trim()]);
    assert_eq!(told.matches("waits for\n  sleep #0 until ").count(), 2, "{told}");
    assert!(told.find("waits for") < told.find("the run began"), "{told}");
    let last = host.must(&["run", run.trim(), "--tail", "1"]);
    assert!(!last.contains("the run began") && last.contains("ms      sleep #0 until"), "{last}");
    let json: Value =
        serde_json::from_str(&host.must(&["run", run.trim(), "--tail=1", "--json"])).unwrap();
    assert_eq!(json["events"].as_array().unwrap().len(), 1, "{json}");
}

#[test]
fn a_run_is_followed_until_it_has_ended() {
    let data = TempDir::new().unwrap();
    let host = host(&data);
    let run = host.must(&["start", "nap", "--input", "1500"]);
    let told = host.must(&["run", run.trim(), "--follow"]);
    assert_eq!(told.matches("the run began").count(), 1, "{told}");
    assert!(told.ends_with("the run completed with null\n"), "{told}");
}
