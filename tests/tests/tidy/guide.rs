//! Whether the tables of the guide to hooks and webhooks name tests that are there, and all of its own.

use std::collections::BTreeSet;

use crate::source::{files, rust};

/// Where the guide lies.
const GUIDE: &str = "host/tests/front/guide/";

/// The tests that the tables name.
fn named() -> BTreeSet<&'static str> {
    let lines = rust(GUIDE).flat_map(|source| source.text.lines());
    let rows = lines.filter_map(|line| line.strip_prefix("//! | "));
    let tests = rows.filter_map(|row| row.rsplit(" | ").next());
    tests.flat_map(|tests| tests.split('`').skip(1).step_by(2)).collect()
}

/// The tests in a source: the functions that take nothing and give nothing.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
    functions.filter(|(_, rest)| rest.starts_with(") {")).map(|(name, _)| name)
}

#[test]
fn every_test_that_the_guide_names_is_there() {
    let sources = files().iter().filter(|file| file.path.ends_with(".rs"));
    let there: BTreeSet<_> = sources.flat_map(|source| tests(&source.text)).collect();
    let missing: Vec<_> = named().into_iter().filter(|test| !there.contains(test)).collect();
    assert!(missing.is_empty(), "{GUIDE} names tests that are not there: {missing:?}");
    assert!(named().len() > 40, "the tables of {GUIDE} could not be read");
}

#[test]
fn every_test_of_the_guide_is_in_its_tables() {
    let named = named();
    let own = rust(GUIDE).flat_map(|source| tests(&source.text));
    let missing: Vec<_> = own.filter(|test| !named.contains(test)).collect();
    assert!(missing.is_empty(), "{GUIDE}: say in the tables what these are of: {missing:?}");
}
