//! The promise, kept by orders: killed at any moment, host and services at once, each order goes on where
//! it was, nothing is charged, packed or shipped twice, and no answer is taken back. One order in four is cancelled
//! meanwhile, one in eight may take so long only, and some fail: what they did is undone, once, whenever the kills come,
//! also where a refund was refused and the run has to be tried again. Some are killed, and then written off. Some are held
//! up for a while, and those under way are moved to another module.

use std::path::Path;
use std::process::{Command, Stdio};

use demo_kit::component::{self, Crate};
use demo_kit::kills::Plan;

/// Where the sources of the workflows are.
const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// How often the process is killed where KILLS does not say it.
const KILLS: usize = 10;

/// After how many milliseconds. The shortest ones hit the start itself.
const MOMENTS: std::ops::Range<u64> = 50..2_000;

fn demo(data: &Path, module: &Path, seed: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command.args(["demo", "--other-ports"]).arg("--data").arg(data).arg("--module").arg(module);
    command.args(["--seed", &seed.to_string(), "--fault-rate", "0.2"]);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

#[test]
fn kills_lose_nothing_and_do_nothing_twice() {
    let plan = Plan::new(KILLS);
    println!("KILL_SEED={} repeats the moments of this test", plan.seed);
    let module = component::build(CRATE, &|_| {}).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let ended = plan.carry_out(MOMENTS, || demo(&data, &module, plan.seed)).unwrap();
    println!("{ended} of {} had ended before they were killed", plan.kills);

    let output = demo(&data, &module, plan.seed).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    println!("{table}");
    assert!(output.status.success(), "{}\n{table}", String::from_utf8_lossy(&output.stderr));
    assert!(table.trim_end().ends_with("Both sides agree."), "{table}");
}
