//! What the rooms of the engine may know, and what is promised of some of them.

use crate::source::{Place, Source, file, refuse, rust};

/// The rooms of the engine, from the top: each may name those behind it. `guests` and `outside` stand
/// side by side.
const ROOMS: [&str; 15] = [
    "life",
    "control",
    "reads",
    "handle",
    "shard",
    "guests",
    "outside",
    "inbox",
    "modules",
    "admission",
    "config",
    "metrics",
    "clock",
    "random",
    "error",
];

/// The files in which kinds of events, commands, effects and operations are matched.
const EXHAUSTIVE: [&str; 14] = [
    "host/journal/src/command.rs",
    "host/journal/src/effect.rs",
    "host/journal/src/event.rs",
    "host/journal/src/open.rs",
    "host/journal/src/payload.rs",
    "host/journal/src/run.rs",
    "host/journal/src/turn.rs",
    "host/src/engine/outside/mod.rs",
    "host/src/engine/reads/history.rs",
    "host/src/engine/shard/notes.rs",
    "host/src/engine/shard/set_going.rs",
    "host/src/engine/shard/waits.rs",
    "host/src/engine/shard/why.rs",
    "host/src/sandbox/convert.rs",
];

/// The sources of a room of the engine.
fn room(name: &str) -> impl Iterator<Item = &'static Source> {
    let file = format!("host/src/engine/{name}.rs");
    let folder = format!("host/src/engine/{name}/");
    rust("host/src/engine/")
        .filter(move |source| source.path == file || source.path.starts_with(&folder))
}

/// How a function is declared in a file: from the beginning of its line to its body.
fn declaration<'a>(source: &'a Source, function: &str) -> &'a str {
    let code = source.code();
    let at = ["(", "<"].iter().find_map(|open| code.find(&format!("fn {function}{open}")));
    let at = at.unwrap_or_else(|| panic!("{} has no function `{function}`", source.path));
    let begin = code[..at].rfind('\n').map_or(0, |end| end + 1);
    code[begin..].split(" {\n").next().unwrap_or_default()
}

#[test]
fn rooms_of_the_engine_know_only_those_below() {
    let mut found = Vec::<Place>::new();
    for (at, name) in ROOMS.iter().enumerate() {
        assert!(room(name).next().is_some(), "there is no room host/src/engine/{name}");
        let above: Vec<_> =
            ROOMS[..at].iter().map(|above| format!("crate::engine::{above}")).collect();
        let above: Vec<_> = above.iter().map(String::as_str).collect();
        found.extend(room(name).flat_map(|source| source.names(&above)));
    }
    found.extend(room("outside").flat_map(|source| source.names(&["crate::engine::guests"])));
    refuse(
        found,
        "a room of the engine imports what stands below it, as ARCHITECTURE.md has them: move what both \
         need down, or hand over a value",
    );
}

#[test]
fn what_changes_the_world_for_a_run_takes_the_proof() {
    let promised = [
        ("host/src/engine/outside/mod.rs", ["release", "ended", "blocked"].as_slice()),
        ("host/src/engine/outside/attempts.rs", &["retry"]),
    ];
    for (path, functions) in promised {
        for function in functions {
            let declared = declaration(file(path), function);
            assert!(
                declared.contains("Committed<"),
                "{path}: `{function}` must take what only the store can make, a Committed: {declared}"
            );
        }
    }
}

#[test]
fn timers_and_waiters_are_told_nothing_past_the_outside() {
    let hidden = [
        ("host/src/engine/outside/timers.rs", ["arm", "disarm"].as_slice()),
        (
            "host/src/engine/outside/waiters.rs",
            &["expect_answer", "expect_response", "respond", "end", "let_go"],
        ),
    ];
    for (path, functions) in hidden {
        for function in functions {
            let declared = declaration(file(path), function).trim_start();
            assert!(
                declared.starts_with("pub(super) fn") || declared.starts_with("fn"),
                "{path}: `{function}` is for host/src/engine/outside alone, which asks for the proof \
                 that a turn is on disk: {declared}"
            );
        }
    }
}

#[test]
fn guests_submit_nothing() {
    let found = room("guests").flat_map(|source| source.names(&["Committer", "submit", "flush"]));
    refuse(
        found.collect(),
        "only the shard knows what stands before a draft: give it to the shard, which submits it",
    );
}

#[test]
fn kinds_are_matched_exhaustively() {
    let sources = EXHAUSTIVE.into_iter().map(file);
    let found = sources.flat_map(|source| source.product_names(&["_ =>", "_ if"]));
    refuse(
        found.collect(),
        "name the kinds: with `_`, the compiler does not lead to this place where there is a new one",
    );
}

#[test]
fn the_shapes_of_the_api_are_values() {
    let world = ["async", "tokio", "axum", "redb", "wasmtime", "std::fs", "std::io", "std::net"];
    let found = rust("host/api/src/").flat_map(|source| source.product_names(&world));
    refuse(found.collect(), "host/api knows no engine, no store and no HTTP: it has values alone");
}
