//! How sources hang together: no file imports what imports it.

use std::sync::OnceLock;

use segno_structure::{House, Sources};

use crate::source::root;

/// How many files and folders may stand directly in the folder of the engine.
const ENGINE_ENTRIES: usize = 17;

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
    let found: Vec<_> = house().circles().iter().map(|circle| format!("{circle:#?}")).collect();
    let advice = "move what both need to a file below them; `just structure` names each import";
    assert!(found.is_empty(), "these files import each other: {advice}\n{}", found.join("\n"));
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
