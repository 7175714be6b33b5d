//! Whether the list of what others can make grow names everything that they can reach.

use crate::source::{file, files, rust};

/// The heading of the list in `ARCHITECTURE.md`.
const HEADING: &str = "### What others can make grow";

/// The rows of the list: what stands first in each, and the tests that it names.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, list) =
        file("ARCHITECTURE.md").text.split_once(HEADING).expect("ARCHITECTURE.md has the list");
    let list = list.split("\n##").next().unwrap_or_default();
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let [what, .., tests] = cells[..] else { panic!("a row needs its tests: {row}") };
        (what, tests.split('`').skip(1).step_by(2).collect())
    })
    .collect()
}

/// What a workflow can import, as `interface.function`.
fn imports() -> Vec<String> {
    let mut imports = Vec::new();
    let mut interface = "";
    for line in file("wit/workflow.wit").text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("interface ") {
            // What is a word of WIT as well is written with a `%`.
            interface = name.trim_end_matches(" {").trim_start_matches('%');
        } else if let Some((name, _)) = line.split_once(": func(")
            // What a guest offers is called by its host.
            && !["guest", "schemas"].contains(&interface)
        {
            imports.push(format!("{interface}.{name}"));
        }
    }
    imports
}

/// The interfaces of WASI of which a workflow has something, with their packages.
fn wasi() -> Vec<String> {
    let mut interfaces = Vec::new();
    let mut package = "";
    for line in file("tests/src/hostile.wit.txt").text.lines() {
        if let Some(name) = line.strip_prefix("package ").and_then(|rest| rest.split_once('@')) {
            package = name.0;
        } else if let Some(name) = line.trim().strip_prefix("interface ") {
            interfaces.push(format!("{package}/{}", name.trim_end_matches(" {")));
        }
    }
    // Types without a function.
    interfaces.retain(|name| name != "wasi:io/error");
    interfaces
}

/// The tables of the store.
fn tables() -> Vec<String> {
    let code = &file("host/src/store/tables.rs").text;
    let names = code.split(" => \"").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// The routes of the management API.
fn routes() -> Vec<String> {
    let mut routes = Vec::new();
    for source in rust("host/src/doors/") {
        let lines: Vec<_> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let path = pair[1].strip_prefix("path = \"").and_then(|rest| rest.split('"').next());
            routes.extend(
                path.map(|path| format!("{} {path}", pair[0].trim_end_matches(',').to_uppercase())),
            );
        }
    }
    routes
}

/// The routes of the page.
fn views() -> Vec<String> {
    let mut views = Vec::new();
    for line in file("host/src/doors/page/mod.rs").text.lines() {
        let Some((path, handlers)) =
            line.trim().strip_prefix(".route(\"").and_then(|rest| rest.split_once('"'))
        else {
            continue;
        };
        let methods = [("get(", "GET"), ("post(", "POST")];
        let taken = methods.iter().filter(|(handler, _)| handlers.contains(handler));
        views.extend(taken.map(|(_, method)| format!("{method} {path}")));
    }
    views
}

#[test]
fn everything_that_others_can_reach_is_in_the_list() {
    let rows = rows();
    let all = [imports(), wasi(), tables(), routes(), views()];
    assert!(
        all.iter().all(|some| some.len() > 5),
        "what can be reached could not be read: {all:?}"
    );
    for reached in all.iter().flatten() {
        let name = format!("`{reached}`");
        let is_listed = rows.iter().any(|(what, _)| what.contains(&name));
        assert!(
            is_listed,
            "ARCHITECTURE.md does not list {name} under \"{}\": say who can make it grow, what bounds it, and \
             which test holds it",
            HEADING.trim_start_matches("# ")
        );
    }
}

#[test]
fn every_test_in_the_list_is_there() {
    let sources: Vec<_> = files().iter().filter(|file| file.path.ends_with(".rs")).collect();
    for (what, tests) in rows() {
        assert!(!tests.is_empty(), "{what} has no test in ARCHITECTURE.md");
        for test in tests {
            let function = format!("fn {test}(");
            let is_there = sources.iter().any(|source| source.text.contains(&function));
            assert!(
                is_there,
                "ARCHITECTURE.md names the test `{test}` for {what}, which is not there"
            );
        }
    }
}
