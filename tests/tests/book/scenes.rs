//! How what the sections of the book begin with comes about.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use segno_tests::hostile::Hostile;

use crate::stage::Stage;

/// A host on which that has just happened which the section with this title begins with.
pub(crate) fn prepare(chapter: &str, title: &str) -> Stage {
    match (chapter, title) {
        ("first-workflow.md", "Start a run") => hello(),
        ("first-workflow.md", "Look at it") => welcomed(),
        ("first-workflow.md", "Kill the host") => killed(),
        ("errors.md", "A blocked run") => panic(),
        ("errors.md", "Cancel") | ("deploying.md", "Runs in flight stay where they are") => {
            waiting()
        }
        ("deploying.md", "Modules") | ("operating.md", "Health") => shop(),
        ("operating.md", "Backups") => sold(),
        ("incidents.md", title) => incident(title),
        _ => panic!("there is no scene for `{title}` in {chapter}"),
    }
}

fn incident(title: &str) -> Stage {
    match title {
        "A service that steps call is down" => service_down(),
        "A workflow panics" => panic(),
        "A bad deploy" => bad_deploy(),
        "The host was rolled back, and lacks a step" => rollback(),
        "A run does not go on on the new module" => divergence(),
        "The disk is full" => full_disk(),
        "A damaged file" => damaged(),
        "A run that no host survives" => poisonous(),
        "A module that does harm" => hostile(),
        _ => panic!("there is no scene for `{title}`"),
    }
}

/// A host on which the first workflow is deployed.
fn hello() -> Stage {
    let stage = Stage::new();
    std::fs::write(stage.path("hello.wasm"), build("hello", "")).expect("it can be written");
    stage.json("segno deploy hello.wasm --json");
    stage
}

/// A run of it that has sent its first letter.
fn welcomed() -> Stage {
    let mut stage = hello();
    stage.start("RUN", "welcome", r#""Ada""#);
    stage.until("RUN", |run| run["waits_for"][0]["type"] == "sleep");
    stage
}

fn killed() -> Stage {
    let mut stage = welcomed();
    stage.serve("segno serve --data data");
    stage
}

/// An order that can be carried out.
const GOOD: &str = r#"{"number": 7, "cents": 600, "pieces": 3}"#;

/// An order that nobody has thought of.
const EMPTY: &str = r#"{"number": 8, "cents": 600, "pieces": 0}"#;

/// A host on which the module of the shop is deployed.
fn shop() -> Stage {
    let stage = Stage::new();
    for edition in ["", "fixed", "reordered"] {
        std::fs::write(stage.path(&format!("orders{edition}.wasm")), orders(edition))
            .expect("it can be written");
    }
    stage.json("segno deploy orders.wasm --json");
    stage
}

/// The component of the shop in an edition, built once.
fn orders(edition: &str) -> &'static [u8] {
    static BUILT: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        ["", "fixed", "reordered"]
            .into_iter()
            .map(|edition| (edition, build("orders", edition)))
            .collect()
    });
    let (_, component) =
        built.iter().find(|(built, _)| *built == edition).expect("there is such an edition");
    component
}

/// The component of a package, in an edition where it has some.
fn build(package: &str, edition: &str) -> Vec<u8> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut build = Command::new(env!("CARGO_BIN_EXE_drill"));
    build.args(["build", "--package", package, "--manifest-path"]).arg(manifest);
    let build = build.env("ORDERS_EDITION", edition).output().expect("the program starts");
    let printed = String::from_utf8_lossy(&build.stdout);
    let path = printed
        .lines()
        .last()
        .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&build.stderr)));
    std::fs::read(path.trim()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn service_down() -> Stage {
    let mut stage = shop();
    std::fs::write(stage.path("payments-are-down"), "").expect("it can be written");
    stage.start("RUN", "order", GOOD);
    for attempt in 2..5 {
        stage.until("RUN", |run| run["waits_for"][0]["attempt"] == attempt);
        if attempt < 4 {
            let _tried = stage.run("segno retry-now RUN");
        }
    }
    stage
}

fn panic() -> Stage {
    let mut stage = shop();
    stage.call("MODULE", stage.digest("ordersfixed.wasm"));
    stage.start("RUN", "order", EMPTY);
    stage.until("RUN", |run| run["status"] == "blocked");
    stage
}

fn bad_deploy() -> Stage {
    let stage = shop();
    std::fs::write(stage.path("cut-short.wasm"), &orders("fixed")[..1_000])
        .expect("it can be written");
    stage
}

fn rollback() -> Stage {
    let mut stage = shop();
    stage.start("RUN", "order", GOOD);
    stage.until("RUN", |run| run["waits_for"][0]["type"] == "sleep");
    stage.serve("segno-of-last-week serve --data data");
    stage.until("RUN", |run| run["waits_for"][0]["type"] == "step");
    stage
}

fn divergence() -> Stage {
    let mut stage = shop();
    stage.start("RUN", "order", EMPTY);
    stage.until("RUN", |run| run["status"] == "blocked");
    stage.json("segno deploy ordersreordered.wasm --json");
    stage.call("MODULE", stage.digest("ordersreordered.wasm"));
    stage.call("FIXED", stage.digest("ordersfixed.wasm"));
    stage
}

/// How large the disk is that becomes full.
const DISK: &str = "32m";

fn full_disk() -> Stage {
    let mut stage = shop();
    stage.kill();
    // A disk of its own, which nobody but the host sees.
    let script =
        format!("#!/bin/sh\nmount -t tmpfs -o size={DISK} tmpfs data && exec segno \"$@\"\n");
    stage.program("on-a-small-disk", &script);
    stage.serve("unshare -rm on-a-small-disk serve --data data");
    stage.json("segno deploy orders.wasm --json");
    let seen = format!("/proc/{}/root{}", stage.host(), stage.path("data/core").display());
    let full = std::io::copy(
        &mut std::io::repeat(0),
        &mut std::fs::File::create(&seen).expect("there is a disk"),
    );
    full.expect_err("the disk is small");
    stage.call("data/core", seen);
    // The host finds out when it needs more room than its log has: these orders have long notes.
    let noise = (0..50_000_u32).map(|at| format!("{:02x}", at.wrapping_mul(2_654_435_761) >> 24));
    let order = format!(
        r#"{{"number": 7, "cents": 600, "pieces": 3, "note": "{}"}}"#,
        noise.collect::<String>()
    );
    while !stage.run(&format!("segno start order --input '{order}'")).contains("exit code") {}
    stage
}

/// An order that was carried out.
fn sold() -> Stage {
    let mut stage = shop();
    stage.start("RUN", "order", GOOD);
    stage.until("RUN", |run| run["status"] == "completed");
    stage
}

/// An order that waits for the service that takes the money.
fn waiting() -> Stage {
    let mut stage = shop();
    std::fs::write(stage.path("payments-are-down"), "").expect("it can be written");
    stage.start("RUN", "order", GOOD);
    stage.until("RUN", |run| run["waits_for"][0]["attempt"] == 2);
    stage
}

/// A store, and what will damage it.
fn damaged() -> Stage {
    let stage = sold();
    let host = stage.host();
    let harm =
        "dd if=/dev/zero of=data/segno.redb bs=4096 seek=16 count=64 conv=notrunc status=none";
    stage.program("a-bad-day", &format!("#!/bin/sh\nkill -KILL {host}\n{harm}\n"));
    stage
}

fn poisonous() -> Stage {
    let mut stage = shop();
    stage.start("RUN", "crunch", "18446744073709551615");
    stage.until("RUN", |run| run["status"] == "blocked");
    std::fs::write(stage.path("payments-are-down"), "").expect("it can be written");
    stage.start("OTHER", "order", GOOD);
    stage
}

fn hostile() -> Stage {
    let stage = shop();
    let thirsty = Hostile { pages: 60_000, ..Hostile::default() };
    std::fs::write(stage.path("thirsty.wasm"), thirsty.component()).expect("it can be written");
    stage
}
