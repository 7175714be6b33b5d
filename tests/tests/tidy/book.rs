//! Whether the blocks and the links of the book are sound. Its examples in Rust are compiled, its commands
//! run (`tests/tests/book/`), and its command lines read by the command line itself.

use std::collections::BTreeSet;

use crate::papers::blocks;
use crate::source::{Source, file, files};

fn chapters() -> impl Iterator<Item = &'static Source> {
    files().iter().filter(|file| file.path.starts_with("docs/src/") && file.path.ends_with(".md"))
}

#[test]
fn every_block_is_of_a_kind_that_is_tested() {
    for chapter in chapters() {
        for (language, text) in blocks(&chapter.text) {
            let path = &chapter.path;
            match language {
                "json" => {
                    let values = serde_json::Deserializer::from_str(&text).into_iter();
                    for value in values {
                        let _value: serde_json::Value =
                            value.unwrap_or_else(|error| panic!("{path}: {error} in\n{text}"));
                    }
                }
                "toml" => {
                    let _table: toml::Table =
                        text.parse().unwrap_or_else(|error| panic!("{path}: {error} in\n{text}"));
                }
                "rust" | "rust,no_run" | "console" | "sh" | "text" => {}
                _ => panic!("{path}: nothing tests a block of `{language}`"),
            }
        }
    }
}

#[test]
fn every_example_in_rust_is_compiled() {
    let compiled = &file("tests/src/lib.rs").text;
    for chapter in chapters().filter(|chapter| chapter.text.contains("\n```rust")) {
        let name = chapter.path.trim_start_matches("docs/src/");
        assert!(
            compiled.contains(&format!("= \"{name}\"")),
            "tests/src/lib.rs has to list {name} among the chapters"
        );
    }
}

#[test]
fn every_chapter_is_in_the_summary_once() {
    let summary = &file("docs/src/SUMMARY.md").text;
    for chapter in chapters().filter(|chapter| !chapter.path.ends_with("SUMMARY.md")) {
        let link = format!("({})", chapter.path.trim_start_matches("docs/src/"));
        assert_eq!(summary.matches(&link).count(), 1, "SUMMARY.md and {link}");
    }
}

#[test]
fn every_link_leads_to_a_heading() {
    for chapter in chapters() {
        let folder = chapter.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let links = chapter.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if page.is_empty() { chapter.path.clone() } else { joined(folder, page) };
            if anchor.is_empty() || !target.ends_with(".md") {
                continue;
            }
            assert!(
                anchors(&file(&target).text).contains(anchor),
                "{} links to {link}, and {target} has no such heading",
                chapter.path
            );
        }
    }
}

/// A path from a folder, with `..` taken away.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// What links to headings end with, as mdBook makes it.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut is_block = false;
    let mut anchors = BTreeSet::new();
    for line in document.lines() {
        is_block ^= line.starts_with("```");
        if !is_block && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let letters = title.chars().filter_map(|letter| match letter {
                ' ' => Some('-'),
                letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
                _ => None,
            });
            anchors.insert(letters.collect());
        }
    }
    anchors
}
