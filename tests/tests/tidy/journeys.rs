//! Whether the journeys of `ARCHITECTURE.md` can be followed in the sources, and whether each word of
//! its glossary has one meaning.

use std::collections::BTreeSet;

use crate::source::{Source, file, files};

/// The journeys: their headings, and the points of each.
fn journeys() -> Vec<(&'static str, Vec<&'static str>)> {
    let journeys = section("## Journeys").split("\n### ").skip(1);
    journeys
        .map(|journey| {
            let (heading, points) = journey.split_once('\n').unwrap_or((journey, ""));
            (heading, points.lines().filter(|line| !line.is_empty()).collect())
        })
        .collect()
}

/// What stands under a heading of `ARCHITECTURE.md`, up to the next one of its kind.
fn section(heading: &str) -> &'static str {
    let document = &file("ARCHITECTURE.md").text;
    let found = document.split_once(&format!("\n{heading}\n"));
    let (_, section) = found.unwrap_or_else(|| panic!("ARCHITECTURE.md has no `{heading}`"));
    section.split("\n## ").next().unwrap_or_default()
}

/// The functions that a text names as `file::function`: file and function.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once(".rs::"))
}

/// The file of a path, which begins at the root of the repository or in the sources of the host.
fn found(path: &str) -> Option<&'static Source> {
    let paths = [format!("{path}.rs"), format!("host/src/{path}.rs")];
    files().iter().find(|file| paths.contains(&file.path))
}

#[test]
fn every_function_that_the_architecture_names_is_where_it_says() {
    let mut count = 0;
    for (path, function) in named(&file("ARCHITECTURE.md").text) {
        let source = found(path);
        let source = source.unwrap_or_else(|| panic!("ARCHITECTURE.md: there is no {path}.rs"));
        let product = source.product();
        let is_there =
            ["(", "<"].iter().any(|open| product.contains(&format!("fn {function}{open}")));
        assert!(
            is_there,
            "ARCHITECTURE.md names `{path}.rs::{function}`, and {} has no such function: say which \
             one it is now",
            source.path
        );
        count += 1;
    }
    assert!(count > 100, "the functions could not be read from ARCHITECTURE.md: {count} were");
}

#[test]
fn every_journey_can_be_followed_in_the_sources() {
    let journeys = journeys();
    assert!(journeys.len() > 9, "the journeys could not be read from ARCHITECTURE.md");
    for (heading, points) in journeys {
        assert!(!points.is_empty(), "`{heading}` has no points");
        for (at, point) in points.iter().enumerate() {
            let number = format!("{}. ", at + 1);
            assert!(
                point.starts_with(&number) && named(point).next().is_some(),
                "`{heading}` in ARCHITECTURE.md: a point begins with its number, {number}and names a \
                 function as `file.rs::function`\n{point}"
            );
        }
    }
}

#[test]
fn each_word_of_the_glossary_has_one_row() {
    let rows = section("## Glossary").lines().filter_map(|line| line.strip_prefix("| **"));
    let mut words = BTreeSet::new();
    for row in rows {
        let (word, meaning) = row.split_once("** | ").expect("a row is a word and its meaning");
        assert!(!meaning.is_empty() && words.insert(word), "`{word}` has two rows in the glossary");
    }
    assert!(words.len() > 30, "the glossary could not be read from ARCHITECTURE.md");
}
