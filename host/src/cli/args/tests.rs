use std::time::Duration;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use crate::cli::args::parse::defaults;

use super::*;

const RUN: &str = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS";

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(format!("segno {line}").split_whitespace())
}

fn refusal(line: &str) -> ErrorKind {
    parse(line).map(|_| ()).expect_err(line).kind()
}

#[test]
fn the_definition_is_sound() {
    Arguments::definition().debug_assert();
}

#[test]
fn what_the_manual_shows_is_understood() {
    for line in [
        "serve --data d",
        "serve --data d --listen 127.0.0.1:0 --webhook-listen [::1]:0 --public-url https://x.org --token t",
        "serve --data d --memory-budget 1GiB --max-steps 10 --fuel-per-turn 5 --memory-per-run 16MiB",
        "dev",
        "dev --manifest-path a/Cargo.toml -p one -p two --data d --log-format json",
        "build -p one",
        "deploy a.wasm b.wasm --url http://host:1 --token t",
        "start w",
        "start w --input {} --key k --wait",
        "start w --input-file - --wait=30s",
        "start --wait w",
        "runs --workflow w --status blocked --limit 1000",
        &format!("runs --cursor {RUN} --json"),
        &format!("run {RUN} --wait=500ms --full"),
        &format!("cancel {RUN}"),
        &format!("resume {RUN} --module sha256:0"),
        &format!("wake {RUN} {RUN} -"),
        &format!("wake {RUN} --op 3"),
        &format!("signal {RUN} approve"),
        &format!("signal {RUN} approve - --key k --wait=30s"),
        &format!("query {RUN} where_is_it"),
        &format!("query {RUN} line 3 --at 7"),
        "hooks --limit 10 --cursor t",
        "hook approval-42",
        "resume-hook approval-42 {}",
        "--json modules",
        "--url http://host:1 --token t runs --workflow w",
        &format!("cancel {RUN} {RUN} -"),
        "completions zsh",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for (line, kind) in [
        ("serve", ErrorKind::MissingRequiredArgument),
        ("serve --data d --listen localhost", ErrorKind::ValueValidation),
        ("serve --data d --token two%words\u{e9}", ErrorKind::ValueValidation),
        ("serve --data d --memory-budget 1MB", ErrorKind::ValueValidation),
        ("serve --data d --max-steps 0", ErrorKind::ValueValidation),
        ("serve --data d --fuel-per-turn 0", ErrorKind::ValueValidation),
        ("deploy", ErrorKind::MissingRequiredArgument),
        ("start", ErrorKind::MissingRequiredArgument),
        ("start w --input {} --input-file f", ErrorKind::ArgumentConflict),
        ("start w --wait=soon", ErrorKind::ValueValidation),
        ("start w --url ftp://host", ErrorKind::ValueValidation),
        ("runs --limit 0", ErrorKind::ValueValidation),
        ("runs --limit 1001", ErrorKind::ValueValidation),
        ("runs --status done", ErrorKind::InvalidValue),
        ("run", ErrorKind::MissingRequiredArgument),
        ("run run_1", ErrorKind::ValueValidation),
        ("completions tcl", ErrorKind::InvalidValue),
        ("explode", ErrorKind::InvalidSubcommand),
    ] {
        assert_eq!(refusal(line), kind, "{line}");
    }
}

#[test]
fn waiting_is_three_things() {
    let bound = |line: &str| match parse(line).unwrap().verb {
        Verb::Start(args) => args.wait.bound(),
        verb => panic!("{verb:?}"),
    };
    assert_eq!(bound("start w"), None);
    assert_eq!(bound("start w --wait"), Some(Duration::MAX));
    assert_eq!(bound("start w --wait=2m"), Some(Duration::from_secs(120)));
}

#[test]
fn the_limits_reach_the_engine() {
    let Verb::Serve(args) =
        parse("serve --data d --fuel-per-turn 5 --memory-per-run 1K --max-steps 7").unwrap().verb
    else {
        panic!("not serve")
    };
    let options = args.listen.into_options(args.data);
    assert_eq!(
        (options.limits.fuel_per_turn, options.limits.memory, options.max_running_steps),
        (5, 1024, 7)
    );
    assert_eq!(options.memory_budget, defaults().memory_budget);
    assert!(!options.verify_images);
}

#[test]
fn what_is_turned_on_reaches_the_engine() {
    let Verb::Serve(args) = parse("serve --data d --verify-images").unwrap().verb else {
        panic!("not serve")
    };
    let options = args.listen.into_options(args.data);
    assert!(options.verify_images);
}

/// The host that a command asks.
fn asked(line: &str) -> Result<HostArgs, UsageError> {
    let line = format!("segno {line}");
    let matches = Arguments::definition().get_matches_from(line.split_whitespace());
    let arguments = Arguments::from_arg_matches(&matches).unwrap();
    arguments.settle(&matches).map(|mut settled| settled.verb.host().unwrap().clone())
}

#[test]
fn the_host_is_named_before_the_command_or_behind_it() {
    let url = |line: &str| asked(line).unwrap().url().to_string();
    assert_eq!(url("--url http://a:1 runs"), "http://a:1/");
    assert_eq!(url("runs --url http://b:2"), "http://b:2/");
    assert_eq!(url("--url http://a:1 runs --url http://b:2"), "http://b:2/");
    let error = asked("--url http://a:1 serve --data d").unwrap_err();
    assert!(error.to_string().starts_with("--url before a command"), "{error}");
}

/// The command lines of a document that begin with the name of a host. What a shell fills in stands for a
/// word.
fn command_lines(document: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut language = None;
    for line in document.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            language = if language.is_none() { Some(fence) } else { None };
        } else if let Some(line) = match language {
            Some("sh") => Some(line),
            Some("console") => line.strip_prefix("$ "),
            _ => None,
        } {
            let hosts = ["segno ", "hello ", "cargo run -- "];
            lines.extend(hosts.iter().find_map(|host| line.strip_prefix(host)).map(str::to_owned));
        }
    }
    lines
}

/// The words of a command line, as a shell takes them apart: enough of it for documents.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, '>' | '|' | '&') => break,
            (None, ' ') => words.push(String::new()),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (_, letter) => words.last_mut().expect("there is one").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_command_lines_of_the_book_are_understood() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for line in command_lines(&std::fs::read_to_string(&path).unwrap()) {
                let stands_for = |word: String| match word.as_str() {
                    "RUN" | "OTHER" => RUN.to_owned(),
                    _ => word,
                };
                let words = words(&line).into_iter().map(stands_for);
                let parsed = Arguments::definition()
                    .try_get_matches_from(["segno".to_owned()].into_iter().chain(words));
                parsed.unwrap_or_else(|error| panic!("{}: {line}: {error}", path.display()));
                read += 1;
            }
        }
    }
    assert!(read > 40, "the book has command lines");
}
