//! How sources hang together: no file imports what imports it.

use std::sync::OnceLock;

use segno_structure::{House, Sources};

use crate::source::root;

/// Files that import each other, directly or not, and have not been taken apart yet. None may join
/// them.
const CIRCLES: &[&[&str]] = &[
    &["guest-sdk/src/http/builder.rs", "guest-sdk/src/http/mod.rs"],
    &[
        "guest-sdk/src/log.rs",
        "guest-sdk/src/native/arguments.rs",
        "guest-sdk/src/native/context.rs",
        "guest-sdk/src/native/registry.rs",
        "guest-sdk/src/run.rs",
        "guest-sdk/src/runtime/host.rs",
        "guest-sdk/src/runtime/mod.rs",
        "guest-sdk/src/runtime/operations.rs",
        "guest-sdk/src/step/call.rs",
        "guest-sdk/src/time.rs",
        "guest-sdk/src/webhook/request.rs",
    ],
    &["guest-sdk/src/wasm/imports.rs", "guest-sdk/src/wasm/memory.rs", "guest-sdk/src/wasm/mod.rs"],
    &["host/src/cli/args.rs", "host/src/cli/args/limits.rs"],
    &[
        "host/src/cli/bench/mod.rs",
        "host/src/cli/bench/parallel.rs",
        "host/src/cli/bench/restart.rs",
        "host/src/cli/bench/runs.rs",
        "host/src/cli/bench/sequential.rs",
        "host/src/cli/bench/sleepers.rs",
        "host/src/cli/bench/tickers.rs",
        "host/src/cli/bench/webhooks.rs",
    ],
    &["host/src/doors/management.rs", "host/src/doors/openapi.rs"],
    &[
        "host/src/engine/admission.rs",
        "host/src/engine/bounds.rs",
        "host/src/engine/comeback.rs",
        "host/src/engine/inbox.rs",
        "host/src/engine/line.rs",
        "host/src/engine/live.rs",
        "host/src/engine/log.rs",
        "host/src/engine/mod.rs",
        "host/src/engine/modules.rs",
        "host/src/engine/notes.rs",
        "host/src/engine/outside.rs",
        "host/src/engine/past.rs",
        "host/src/engine/recovery.rs",
        "host/src/engine/reply.rs",
        "host/src/engine/restore.rs",
        "host/src/engine/room.rs",
        "host/src/engine/shard.rs",
        "host/src/engine/stuck.rs",
        "host/src/engine/survey.rs",
        "host/src/engine/waits.rs",
        "host/src/engine/why.rs",
    ],
    &[
        "host/src/engine/metrics.rs",
        "host/src/engine/metrics/guests.rs",
        "host/src/engine/metrics/store.rs",
    ],
    &[
        "host/src/sandbox/caller.rs",
        "host/src/sandbox/convert.rs",
        "host/src/sandbox/guest.rs",
        "host/src/sandbox/image.rs",
        "host/src/sandbox/imports.rs",
        "host/src/sandbox/module.rs",
        "host/src/sandbox/state.rs",
        "host/src/sandbox/trap.rs",
        "host/src/sandbox/wasi.rs",
    ],
    &["host/src/sandbox/compiler.rs", "host/src/sandbox/mod.rs"],
    &["host/src/steps/listed.rs", "host/src/steps/runner.rs", "host/src/steps/tasks.rs"],
    &["host/src/store/by_hand.rs", "host/src/store/committer.rs", "host/src/store/line.rs"],
    &["host/src/store/error.rs", "host/src/store/watched.rs"],
    &["host/src/store/mod.rs", "host/src/store/place.rs"],
    &["host/src/store/new.rs", "host/src/store/open.rs"],
    &[
        "tests/guests/basics/src/hooks.rs",
        "tests/guests/basics/src/lib.rs",
        "tests/guests/basics/src/long.rs",
        "tests/guests/basics/src/medley.rs",
        "tests/guests/basics/src/plain.rs",
        "tests/guests/basics/src/program.rs",
    ],
    &[
        "tests/src/fuzz/doors.rs",
        "tests/src/fuzz/durations.rs",
        "tests/src/fuzz/hostile.rs",
        "tests/src/fuzz/mod.rs",
        "tests/src/fuzz/modules.rs",
        "tests/src/fuzz/records.rs",
    ],
    &["tests/src/load/check.rs", "tests/src/load/crowd.rs", "tests/src/load/mod.rs"],
    &[
        "tests/src/simulation/cuts.rs",
        "tests/src/simulation/plans.rs",
        "tests/src/simulation/witness.rs",
    ],
    &[
        "workflows/data-sync/src/upstream/audit.rs",
        "workflows/data-sync/src/upstream/billing.rs",
        "workflows/data-sync/src/upstream/changes.rs",
        "workflows/data-sync/src/upstream/lists.rs",
        "workflows/data-sync/src/upstream/mod.rs",
        "workflows/data-sync/src/upstream/notify.rs",
        "workflows/data-sync/src/upstream/records.rs",
        "workflows/data-sync/src/upstream/reply.rs",
        "workflows/data-sync/src/upstream/store.rs",
    ],
];

/// How many files and folders may stand directly in the folder of the engine.
const ENGINE_ENTRIES: usize = 62;

/// How many lines nine of ten functions of the product do not exceed.
const MOST_FUNCTIONS: usize = 19;

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let house = Sources::read(&root()).and_then(|sources| House::new(&sources));
        house.unwrap_or_else(|error| panic!("{error}"))
    })
}

#[test]
fn no_file_imports_what_imports_it() {
    let found = house().circles();
    let new = found.iter().filter(|circle| !CIRCLES.contains(&circle.as_slice()));
    let new: Vec<_> = new.map(|circle| format!("{circle:#?}")).collect();
    let advice = "move what both need to a file below them; `just structure` names each import";
    assert!(new.is_empty(), "these files import each other: {advice}\n{}", new.join("\n"));
    let gone: Vec<_> =
        CIRCLES.iter().filter(|circle| !found.iter().any(|found| found == *circle)).collect();
    assert!(gone.is_empty(), "no longer a circle: take it off the list\n{gone:#?}");
}

#[test]
fn the_engine_is_seen_at_a_glance() {
    let entries = house().entries("host/src/engine");
    assert!(
        entries <= ENGINE_ENTRIES,
        "host/src/engine has {entries} files and folders, more than {ENGINE_ENTRIES}: put what \
         belongs together into a folder"
    );
}

#[test]
fn most_functions_fit_into_a_glance() {
    let lines = house().product("").functions.percentile(90);
    assert!(
        lines <= MOST_FUNCTIONS,
        "a tenth of all functions has {lines} lines or more, where {MOST_FUNCTIONS} are enough: \
         `just structure` says of which folder"
    );
}
