//! The promise of the whole project: killed at any moment, as often as one likes, everything goes on
//! where it was, nothing is lost and nothing is done twice.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use data_sync::db::{Database, sqlite_url};
use data_sync::settings::DATABASE_URL;
use data_sync::upstream::{Options, Sizes, Upstream};
use demo_kit::component::{self, Crate};
use demo_kit::kills::Plan;
use tokio::runtime::Runtime;

/// Where the sources of the workflows are.
const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// How often the process is killed where KILLS does not say it.
const KILLS: usize = 20;

/// After how many milliseconds. The shortest ones hit the start itself.
const MOMENTS: std::ops::Range<u64> = 50..3_000;

/// How long the last start goes on before it lets everything come to rest.
const LAST: &str = "5s";

fn demo(data: &Path, module: &Path, seed: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-sync"));
    command.args(["demo", "--other-ports"]).arg("--data").arg(data).arg("--module").arg(module);
    command.args(["--seed", &seed.to_string(), "--fault-rate", "0.2"]);
    command.env_remove(DATABASE_URL).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

#[test]
fn kills_lose_nothing_and_do_nothing_twice() {
    let plan = Plan::new(KILLS);
    let seed = plan.seed;
    println!("KILL_SEED={seed} repeats the moments of this test");
    let module = component::build(CRATE, &|_| {}).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let ended = plan.carry_out(MOMENTS, || demo(&data, &module, seed)).unwrap();
    assert_eq!(ended, 0, "the demo ended by itself before it was killed");

    let output = demo(&data, &module, seed).args(["--for", LAST]).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    println!("{table}");
    assert!(output.status.success(), "{}\n{table}", String::from_utf8_lossy(&output.stderr));
    assert!(table.trim_end().ends_with("Both sides agree."), "{table}");
    Runtime::new().unwrap().block_on(check(&data));
}

/// What the table says, looked up once more in both databases.
async fn check(data: &Path) {
    let file = data.join("upstream.db");
    let options =
        Options { file, port: 0, seed: 0, fault_rate: 0.0, pace: 0.0, sizes: Sizes::default() };
    let upstream = Upstream::start(options).await.unwrap();
    let there = upstream.store();
    let here = Database::open(&sqlite_url(&data.join("data-sync.db"))).await.unwrap();

    let invoices = there.invoices().await.unwrap();
    let customers: BTreeSet<_> = invoices.iter().map(|invoice| &invoice.customer_id).collect();
    assert_eq!(invoices.len(), 60, "one invoice for each bill");
    assert_eq!(customers.len(), 60, "and none twice");

    let sent = there.sent().await.unwrap().deliveries;
    assert!(!sent.is_empty());
    assert_eq!(here.processed_notifications().await.unwrap(), sent, "no notification is lost");

    assert_eq!(here.contacts().await.unwrap(), there.contacts().await.unwrap());
    let (received, twice) = there.received().await.unwrap();
    let refused = there.refused().await.unwrap();
    assert_eq!(received.len() + refused.len(), there.pending().await.unwrap().len());
    assert_eq!(twice, Vec::<String>::new());
}
