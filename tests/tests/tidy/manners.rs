//! How sources are kept, where no lint of the compiler's says it.

use crate::source::{Place, file, files, refuse, rust};

/// How many lines a file may have: what a reader can hold in mind.
const MAX_LINES: usize = 400;

#[test]
fn every_file_says_what_it_is_for() {
    let sources =
        rust("").filter(|source| !source.is_test() || source.path.ends_with("src/lib.rs"));
    let silent = sources.filter(|source| !source.text.starts_with("//! "));
    refuse(
        silent.map(|source| source.place(1)).collect(),
        "begin with a `//!` that says what it is for and what it must never know",
    );
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long = rust("").filter(|source| source.text.lines().count() > MAX_LINES);
    let ends: Vec<Place> = long.map(|source| source.place(source.text.lines().count())).collect();
    refuse(ends, "take out what has a name of its own");
}

#[test]
fn nothing_is_left_to_do() {
    let macros = ["todo!", "unimplemented!", "dbg!"];
    // In two halves, so that this file does not hold them.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let mut found: Vec<_> = rust("").flat_map(|source| source.names(&macros)).collect();
    found.extend(files().iter().flat_map(|file| file.mentions(&marks)));
    refuse(found, "do it, or write an issue");
}

#[test]
fn a_glob_import_is_a_testers_convenience() {
    let mut found = Vec::new();
    for source in rust("").filter(|source| !source.is_test()) {
        let product = source.product();
        let lines = product.lines().enumerate().filter(|(_, line)| line.trim() == "use super::*;");
        found.extend(lines.map(|(index, _)| source.place(index + 1)));
    }
    refuse(found, "name what is used: an arrow that nobody sees is one that nobody checks");
}

#[test]
fn versions_stand_in_one_place() {
    let mut found = Vec::new();
    for manifest in members() {
        let mut is_list = false;
        for (index, line) in manifest.text.lines().enumerate() {
            if line.starts_with('[') {
                is_list = line.trim_end_matches(']').ends_with("dependencies");
            } else if is_list
                && line.contains('=')
                && !line.contains("workspace = true")
                && !line.contains("path = ")
            {
                found.push(manifest.place(index + 1));
            }
        }
    }
    refuse(
        found,
        "name the version under [workspace.dependencies] in Cargo.toml, and write `workspace = true` here",
    );
}

#[test]
fn every_crate_is_built_fast_for_tests() {
    let all = &file("Cargo.toml").text;
    let manifests = files().iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    let slow = manifests.filter(|manifest| {
        let names = manifest.text.lines().filter_map(|line| line.strip_prefix("name = \""));
        let name = names.map(|name| name.trim_end_matches('"')).next().unwrap_or_default();
        !all.contains(&format!("\n{name} = {{ opt-level = "))
    });
    refuse(
        slow.map(|manifest| manifest.place(1)).collect(),
        "name it under [profile.dev.package] in Cargo.toml: else it is optimised as dependencies are",
    );
}

#[test]
fn every_crate_keeps_the_lints_of_the_workspace() {
    let lax = members().filter(|manifest| !manifest.text.contains("[lints]\nworkspace = true"));
    refuse(
        lax.map(|manifest| manifest.place(1)).collect(),
        "add `[lints]` with `workspace = true`",
    );
}

/// The manifests of the workspace, but for the example, which stands as somebody outside would write it.
fn members() -> impl Iterator<Item = &'static crate::source::Source> {
    let manifests = files().iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    manifests.filter(|file| !file.path.starts_with("examples/"))
}

#[test]
fn the_repository_speaks_of_itself_alone() {
    // In two halves, so that this file does not hold them.
    let strange = [
        concat!("../", "shared"),
        concat!("/wo", "rk/"),
        concat!("/tmp/", "spec"),
        concat!("DE", "SIGN.md"),
        concat!("ST", "YLE.md"),
        concat!("PE", "ERS.md"),
        concat!("ANC", "HORS.md"),
        concat!("ses", "sion"),
        concat!("ses", "sions"),
        concat!("iss", "ue #"),
    ];
    let own = files().iter().filter(|file| file.path != "Cargo.lock");
    refuse(
        own.flat_map(|file| file.mentions(&strange)).collect(),
        "say it so that a stranger with this repository alone understands it",
    );
}

#[test]
fn the_toolchain_is_named_once() {
    let channel =
        file("rust-toolchain.toml").text.lines().find_map(|line| line.strip_prefix("channel = "));
    let channel = channel.expect("rust-toolchain.toml names a channel").trim_matches('"');
    let (version, _patch) = channel.rsplit_once('.').expect("the channel is a release");
    let wanted = format!("rust-version = \"{version}\"");
    assert!(
        file("Cargo.toml").text.contains(&wanted),
        "Cargo.toml: rust-version has to be {version}, as in rust-toolchain.toml"
    );
}
