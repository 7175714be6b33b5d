//! The demo, with a few orders: all sides agree at its end, and a difference is named.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use demo_kit::component::{self, Crate};
use demo_kit::memory::Memory;

const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

static MODULE: LazyLock<PathBuf> = LazyLock::new(|| component::build(CRATE, &|_| {}).unwrap());

fn demo(data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command.args(["demo", "--other-ports", "--orders", "12"]).arg("--data").arg(data);
    command.arg("--module").arg(&*MODULE).env_remove("RUST_LOG").stdin(Stdio::null());
    command.output().unwrap()
}

fn table(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn the_demo_ends_by_itself_and_all_sides_agree() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(directory.path());
    let table = table(&output);
    assert!(output.status.success(), "{table}");
    assert!(table.ends_with("Both sides agree."), "{table}");
}

#[tokio::test]
async fn what_a_service_did_by_itself_is_named() {
    let directory = tempfile::tempdir().unwrap();
    assert!(demo(directory.path()).status.success());

    let services = Memory::open(&directory.path().join("services.db"), "").await.unwrap();
    let again = "INSERT INTO charges (order_number, card, cents)
        SELECT order_number, card, cents FROM charges ORDER BY number LIMIT 1 RETURNING order_number";
    let order: i64 = sqlx::query_scalar(again).fetch_one(services.pool()).await.unwrap();
    services.pool().close().await;

    let output = demo(directory.path());
    let table = table(&output);
    assert_eq!(output.status.code(), Some(1), "{table}");
    let named = format!("charges: order {order} was charged more than once");
    assert!(table.contains(&named), "{table}");
    assert!(table.ends_with("The sides do not agree."), "{table}");
}
