//! The promise of the whole project: killed at any moment, as often as one likes, everything goes on
//! where it was, nothing is lost and nothing is done twice.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_sync::db::{Database, sqlite_url};
use data_sync::settings::{DATABASE_URL, var};
use data_sync::upstream::{Options, Sizes, Upstream};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segno_host::cli::build_components;
use tokio::runtime::Runtime;

/// How often the process is killed where KILLS does not say it.
const KILLS: usize = 20;

/// After how many milliseconds. The shortest ones hit the start itself.
const MOMENTS: std::ops::Range<u64> = 50..3_000;

/// How long the last start goes on before it lets everything come to rest.
const LAST: &str = "5s";

fn component() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let built = build_components(Some(&manifest), &["data-sync".to_owned()], &|_| {});
    built.unwrap().swap_remove(0)
}

fn demo(data: &Path, module: &Path, seed: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-sync"));
    command.args(["demo", "--other-ports"]).arg("--data").arg(data).arg("--module").arg(module);
    command.args(["--seed", &seed.to_string(), "--fault-rate", "0.2"]);
    command.env_remove(DATABASE_URL).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "the kill comes at a moment that nothing announces")]
fn kill_after(mut child: Child, millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
    let ended = child.try_wait().unwrap();
    assert!(ended.is_none(), "the demo ended by itself ({ended:?}) before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn kills_lose_nothing_and_do_nothing_twice() {
    let kills = var("KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = var("KILL_SEED").map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("KILL_SEED={seed} repeats the moments of this test");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let module = component();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    for _ in 0..kills {
        let child =
            demo(&data, &module, seed).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        kill_after(child, random.random_range(MOMENTS));
    }

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
