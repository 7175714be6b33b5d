//! A host that is killed while its steps run, as a real process. (One that a step kills is simulated in
//! `simulated.rs`: its pauses take minutes.)

use std::process::Command;

#[test]
fn a_host_that_is_killed_again_and_again_fails_no_run() {
    let arguments = ["--runs", "60", "--step", "1500", "--kills", "5", "--life", "500"];
    let output = Command::new(env!("CARGO_BIN_EXE_crashes"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{noted}");
}
