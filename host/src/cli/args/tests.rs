use clap::CommandFactory;
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
    Arguments::command().debug_assert();
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
        "--json modules",
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
