//! A component is compiled by the program itself, in a process of its own.

use std::path::Path;

use segno_host::sandbox::{Capacity, ModuleError, Sandbox};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_segno");

/// What becomes of a component, and how many compiled ones lie in the cache then.
fn load(component: &str, cache: &Path) -> (Option<ModuleError>, usize) {
    let capacity = Capacity { memory: 100 << 20, ..Capacity::default() };
    let sandbox =
        Sandbox::new(Some(cache), capacity).unwrap().compiled_by(PROGRAM.into(), cache, capacity);
    let refused = sandbox.load(&wat::parse_str(component).unwrap()).err();
    (refused, files(cache))
}

/// How many compiled components lie in a directory. Whatever else the cache has there, statistics and
/// what is not yet whole, has a dot in its name.
fn files(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let count = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => files(&entry.path()),
        false => usize::from(!entry.file_name().to_string_lossy().contains('.')),
    };
    entries.map(count).sum()
}

#[test]
fn a_component_that_another_process_compiled_is_found_in_the_cache() {
    let cache = TempDir::new().unwrap();
    let component = "(component (core module (func)))";
    // It is no workflow, which is found when it is compiled.
    for _ in 0..2 {
        let (refused, compiled) = load(component, cache.path());
        assert!(matches!(refused, Some(ModuleError::MissingExport { .. })), "{refused:?}");
        assert_eq!(compiled, 1, "what the one process has compiled serves the other");
    }
}

#[test]
fn what_the_other_process_finds_wrong_is_said() {
    let cache = TempDir::new().unwrap();
    let (refused, compiled) = load("(component (core module (func (result i32))))", cache.path());
    assert!(refused.unwrap().to_string().contains("type mismatch"));
    assert_eq!(compiled, 0);
}

#[test]
fn a_small_component_that_takes_the_compiler_gigabytes_is_refused() {
    // For each variable the compiler has a table of all blocks up to its last use.
    let variables = "i32 ".repeat(10_000);
    let blocks = "(loop)".repeat(100_000);
    let uses: String =
        (0..10_000).map(|variable| format!("(drop (local.get {variable}))")).collect();
    let component = format!("(component (core module (func (local {variables}) {blocks} {uses})))");
    assert!(wat::parse_str(&component).unwrap().len() < 512 << 10);

    let cache = TempDir::new().unwrap();
    let (refused, compiled) = load(&component, cache.path());
    assert!(matches!(refused, Some(ModuleError::TooCostly { .. })), "{refused:?}");
    assert_eq!(compiled, 0);
}
