//! Some seconds of more work than a host can do, against the real binary.

use std::process::Command;

/// A crowd that a small machine can hold, for as long as a test may take.
const CROWD: [&str; 8] = ["--for", "6s", "--callers", "300", "--starters", "30", "--hooks", "10"];

fn load(more: &[&str]) {
    let mut load = Command::new(env!("CARGO_BIN_EXE_load"));
    let output = load.args(CROWD).args(more).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{noted}");
}

#[test]
fn what_was_acknowledged_under_load_is_done_and_what_was_refused_is_not_stored() {
    load(&[]);
}

#[test]
fn kills_under_load_lose_nothing_that_was_acknowledged() {
    load(&["--kills", "2"]);
}
