//! Who may know what: the borders between the parts of the house.

use crate::source::{Place, Source, file, files, refuse, rust};

/// The sources of the product: what runs at somebody's, without tests.
const PRODUCT: [&str; 5] = ["host/", "guest-runtime/", "guest-sdk/", "workflows/", "examples/"];

fn product() -> impl Iterator<Item = &'static Source> {
    PRODUCT.into_iter().flat_map(rust)
}

/// Where a word stands in the sources, but for its homes.
fn outside(
    sources: impl Iterator<Item = &'static Source>,
    homes: &[&str],
    words: &[&str],
) -> Vec<Place> {
    let strangers =
        sources.filter(|source| !homes.iter().any(|home| source.path.starts_with(home)));
    strangers.flat_map(|source| source.names(words)).collect()
}

#[test]
fn only_the_keyspace_names_redb() {
    let found = outside(product(), &["host/src/store/keyspace/"], &["redb"]);
    refuse(
        found,
        "redb has one home, so that another storage is a change in one folder: host/src/store/keyspace",
    );
}

#[test]
fn only_the_sandbox_names_wasmtime() {
    let found = outside(product(), &["host/src/sandbox/"], &["wasmtime"]);
    refuse(
        found,
        "wasmtime has one home, so that its next version is a change in one folder: host/src/sandbox",
    );
}

#[test]
fn what_a_guest_can_call_is_paid_for() {
    let found =
        outside(rust("host/src/"), &["host/src/sandbox/caller.rs"], &["func_wrap", "HasSelf"]);
    refuse(
        found,
        "a call of the host costs the guest no fuel: define it with sandbox::caller, which charges it",
    );
}

#[test]
fn only_the_metrics_of_the_engine_name_their_library() {
    let found = outside(product(), &["host/src/engine/metrics/"], &["prometheus_client"]);
    refuse(
        found,
        "what is counted has one home: put a counter into engine::metrics, and count by its name",
    );
}

#[test]
fn only_the_doors_name_axum() {
    let homes = [
        "host/src/doors/",
        "host/tests/",
        "workflows/data-sync/src/upstream/",
        "workflows/data-sync/tests/",
        "workflows/demo-kit/",
        "workflows/orders/src/services/",
    ];
    let found = outside(product(), &homes, &["axum"]);
    refuse(
        found,
        "the host speaks HTTP in host/src/doors, and the examples play the other side in rooms of their own",
    );
}

#[test]
fn only_the_http_step_and_the_command_line_name_reqwest() {
    let found = outside(rust("host/src/"), &["host/src/steps/http", "host/src/cli/"], &["reqwest"]);
    refuse(
        found,
        "a host calls out in the step `http`, and as a client of itself in its command line; nowhere else",
    );
}

#[test]
fn only_the_clock_knows_what_time_it_is() {
    let homes = ["host/src/engine/clock.rs", "host/src/steps/http.rs", "host/src/cli/"];
    let words = ["SystemTime::now", "Timestamp::now", "Zoned::now"];
    let found = outside(rust("host/src/"), &homes, &words);
    refuse(
        found,
        "time comes in as an argument, from engine::Clock; else a virtual clock cannot move it",
    );
}

#[test]
fn only_one_room_draws_lots() {
    // Which log it is that belongs to a store: nothing that a run does depends on it.
    let of_the_store = "host/src/store/keyspace/disk/log/found.rs";
    let homes = ["host/src/engine/random.rs", of_the_store];
    let found = outside(rust("host/src/"), &homes, &["getrandom"]);
    refuse(found, "chance comes in as a value, engine::Random; else a simulation cannot repeat it");
}

#[test]
fn the_mind_is_pure() {
    const WORLD: [&str; 22] = [
        "async",
        "await",
        "tokio",
        "futures",
        "wasmtime",
        "redb",
        "std::fs",
        "std::io",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "std::time",
        "SystemTime",
        "Instant",
        "rand",
        "getrandom",
        "Mutex",
        "RwLock",
        "static",
        "thread_local!",
        "println!",
    ];
    let found = rust("host/journal/src/").flat_map(|source| source.product_names(&WORLD));
    refuse(
        found.collect(),
        "the journal decides and never acts: let time, chance and the world come in as arguments",
    );
}

#[test]
fn the_mind_depends_on_nothing_that_acts() {
    let manifest = &file("host/journal/Cargo.toml").text;
    let (_, section) =
        manifest.split_once("\n[dependencies]\n").expect("the journal has dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["serde", "thiserror", "ulid"],
        "host/journal/Cargo.toml: another dependency of the journal has to be as pure as these"
    );
}

#[test]
fn only_the_store_makes_something_committed() {
    let found = outside(
        rust(""),
        &["host/src/store/", "tests/tests/tidy/"],
        &["Committed::new", "Committed("],
    );
    refuse(
        found,
        "the world hears only of what is on disk: take a Committed from the store, do not make one",
    );
    let draft = file("host/src/store/draft.rs").code();
    assert!(
        draft.contains("pub struct Committed<T>(T);"),
        "the field of Committed must stay private"
    );
    assert!(draft.contains("pub(super) const fn new("), "only the store may call Committed::new");
}

/// The modules of the host, what each may not know, and the names that are excepted.
const ARROWS: [(&str, &[&str], &[&str]); 6] = [
    ("sandbox", &["store", "steps", "engine", "doors", "cli"], &[]),
    ("store", &["sandbox", "steps", "engine", "doors", "cli"], &[]),
    ("steps", &["sandbox", "store", "engine", "doors", "cli"], &[]),
    ("engine", &["doors", "cli"], &[]),
    // The one place where errors get a status has to know them all.
    (
        "doors",
        &["sandbox", "store", "steps", "cli"],
        &["crate::sandbox::ModuleError", "crate::store::StoreError"],
    ),
    ("cli", &["sandbox", "store", "steps"], &[]),
];

#[test]
fn modules_know_only_what_is_below_them() {
    let mut found = Vec::new();
    for (module, unknown, excepted) in ARROWS {
        let words: Vec<_> = unknown.iter().map(|module| format!("crate::{module}")).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let folder = format!("host/src/{module}/");
        let places = rust(&folder).flat_map(|source| source.names(&words));
        let strange =
            places.filter(|place| !excepted.iter().any(|name| place.to_string().contains(name)));
        found.extend(strange);
    }
    refuse(
        found,
        "arrows point down: cli, doors -> engine -> sandbox, store, steps -> journal; pass a value instead",
    );
}

#[test]
fn the_border_has_no_resource() {
    let worlds = files().iter().filter(|file| file.path.ends_with(".wit"));
    let found = worlds.flat_map(|file| file.names(&["resource", "borrow", "own"])).collect();
    refuse(
        found,
        "a handle is state outside of the guest's memory, which no image holds: use a number",
    );
}

#[test]
fn both_sides_of_the_border_carry_the_world_in_their_packages() {
    for path in ["guest-runtime/wit/workflow.wit", "host/wit/workflow.wit"] {
        assert!(
            file(path).text == file("wit/workflow.wit").text,
            "{path} is a copy, because a package holds nothing from outside of its folder: copy wit/workflow.wit \
             there again"
        );
    }
}

#[test]
fn only_the_memory_of_the_guest_is_unsafe() {
    let homes = ["guest-runtime/src/wasm/memory.rs", "guest-sdk/tests/ui/"];
    let found = outside(rust(""), &homes, &["unsafe"]);
    refuse(
        found,
        "unsafe code has one home, where memory becomes bytes; everything else has a safe form",
    );
}

#[test]
fn only_the_component_of_the_guest_names_wit_bindgen() {
    let found = outside(product(), &["guest-runtime/src/wasm/"], &["wit_bindgen"]);
    refuse(
        found,
        "the bindings have one home, so that every SDK has the same: ask guest-runtime/src/wasm",
    );
}

#[test]
fn the_runtime_of_the_guest_knows_no_sdk() {
    let words = ["segno", "serde", "serde_json", "jiff", "tokio"];
    let found = outside(rust("guest-runtime/src/"), &["guest-runtime/src/wasm/"], &words);
    refuse(found, "what authors see is the business of their SDK: pass text, bytes and numbers");
}

#[test]
fn only_the_output_of_the_command_line_prints() {
    let homes = [
        "host/src/cli/output.rs",
        // The log of a host goes to standard error.
        "host/src/cli/logging.rs",
        // A workflow that runs natively, in a unit test, has no host that keeps its log.
        "guest-sdk/src/log.rs",
    ];
    let words = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "io::stdout",
        "io::stderr",
        "stdout()",
        "stderr()",
    ];
    let folders = ["host/src/", "host/journal/", "guest-runtime/src/", "guest-sdk/src/"];
    let sources = folders.into_iter().flat_map(rust);
    refuse(
        outside(sources, &homes, &words),
        "hand the text to host/src/cli/output.rs, or trace it",
    );
}
