//! Whether the documents are true: what they name exists, and what they show is what is built.

use crate::source::{file, files, root, rust};

/// The fenced blocks of a document, in order: language and text.
pub(crate) fn blocks(document: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((language, body.map(|line| format!("{line}\n")).collect()));
        }
    }
    blocks
}

/// What stands between backquotes in a document, outside of blocks.
fn quoted(document: &str) -> Vec<&str> {
    let mut is_block = false;
    let mut quoted = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            quoted.extend(line.split('`').skip(1).step_by(2));
        }
    }
    quoted
}

#[test]
fn the_first_workflow_is_the_one_that_is_built() {
    let built = &file("examples/hello/src/lib.rs").text;
    // Without what the example says of itself.
    let (_, built) = built.split_once("\n\n").expect("it begins with a sentence");
    for document in ["README.md", "docs/src/first-workflow.md"] {
        let blocks = blocks(&file(document).text);
        let shown = |text: &str| text.trim_start_matches("# fn main() {}\n") == built;
        assert!(
            blocks.iter().any(|(_, text)| shown(text)),
            "{document} has no block that is examples/hello/src/lib.rs to the letter: write it there again"
        );
    }
}

#[test]
fn the_book_names_every_route() {
    let book = &file("docs/src/reference/api.md").text;
    for source in rust("host/src/doors/") {
        let lines: Vec<_> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let Some(path) =
                pair[1].strip_prefix("path = \"").and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            let route = format!("`{} {path}`", pair[0].trim_end_matches(',').to_uppercase());
            assert!(
                book.contains(&route),
                "{}: docs/src/reference/api.md does not name the route {route}",
                source.path
            );
        }
    }
}

#[test]
fn the_book_names_every_command() {
    let code = &file("host/src/cli/args.rs").text;
    let (_, verbs) =
        code.split_once("enum Verb {").expect("args.rs lists the commands in `enum Verb`");
    let (verbs, _) = verbs.split_once("\n}").expect("the list ends");
    let book = &file("docs/src/reference/cli.md").text;
    let mut named = 0;
    for line in verbs.lines().filter_map(|line| line.strip_prefix("    ")) {
        let name: String = line.chars().take_while(char::is_ascii_alphabetic).collect();
        if line.starts_with(char::is_uppercase) {
            let command = format!("`{}", kebab(&name));
            assert!(book.contains(&command), "cli.md does not name the command {command}`");
            named += 1;
        }
    }
    assert!(named > 5, "the commands could not be read from host/src/cli/args.rs");
}

/// `retry-now` of `RetryNow`, as the command line has it.
fn kebab(name: &str) -> String {
    let words = name.char_indices().map(|(at, letter)| {
        let dash = if at > 0 && letter.is_ascii_uppercase() { "-" } else { "" };
        format!("{dash}{}", letter.to_ascii_lowercase())
    });
    words.collect()
}

#[test]
fn the_book_names_every_exit_code() {
    let (_, text) = file("host/src/cli/exit.rs")
        .text
        .split_once("Exit codes:\n")
        .expect("exit.rs lists the codes");
    let (codes, _) = text.split_once("\";").expect("the list ends");
    let book = &file("docs/src/reference/cli.md").text;
    for line in codes.lines() {
        let (code, meaning) =
            line.trim().split_once("  ").expect("a line is a code and its meaning");
        let row = format!("| {code} | {meaning} |");
        assert!(book.contains(&row), "cli.md has no row `{row}`");
    }
}

#[test]
fn every_bound_in_the_table_is_the_one_in_the_code() {
    let mut rows = 0;
    for line in file("ARCHITECTURE.md")
        .text
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with(".rs` |"))
    {
        let cells = quoted(line);
        let [.., bound, path] = cells[..] else { panic!("a row needs a bound and a file: {line}") };
        let code = file(path).code();
        let holds = match bound.split_once(" = ") {
            Some((name, value)) => constant(code, name) == Some(value),
            None => code.contains(&format!(" {bound},")),
        };
        assert!(
            holds,
            "ARCHITECTURE.md says `{bound}`, and {path} does not; the book may have it too"
        );
        rows += 1;
    }
    assert!(rows > 20, "the table of limits could not be read");
}

/// The value of a constant, as it is written.
fn constant<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = code.split_once(&format!("const {name}: "))?;
    let (_, value) = rest.split_once('=')?;
    value.split(';').next().map(str::trim)
}

#[test]
fn every_place_on_the_map_exists() {
    let root = root();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let tops = [
            "host/",
            "guest-runtime/",
            "guest-sdk/",
            "wit/",
            "workflows/",
            "examples/",
            "tests/",
            ".ci/",
        ];
        // What follows a name is what the command takes, or a function of the file.
        let places = quoted(&file(document).text).into_iter();
        let places = places.filter_map(|text| text.split(' ').next()?.split("::").next());
        for place in places.filter(|place| tops.iter().any(|top| place.starts_with(top))) {
            assert!(root.join(place).exists(), "{document} names `{place}`, which is not there");
        }
    }
}

#[test]
fn every_folder_of_sources_is_on_the_map() {
    let map = quoted(&file("ARCHITECTURE.md").text);
    for source in rust("").filter(|source| !source.is_test()) {
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        // `src` of a crate is known by the name of the crate.
        let folder = folder.strip_suffix("/src").unwrap_or(folder);
        let is_shown = map.iter().any(|place| place.trim_end_matches('/') == folder);
        assert!(
            is_shown || folder == "host",
            "ARCHITECTURE.md does not say what `{folder}/` is for ({})",
            source.path
        );
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let root = root();
    for document in files().iter().filter(|file| file.path.ends_with(".md")) {
        let links = document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = link.split('#').next().unwrap_or_default();
            assert!(
                root.join(folder).join(target).exists(),
                "{} links to {link}, which is not there",
                document.path
            );
        }
    }
}
