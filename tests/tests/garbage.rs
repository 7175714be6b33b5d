//! Components that follow the letter of the interface and give garbage: written by hand, since no
//! SDK would build them.

use segno_host::engine::{Config, Engine, EngineError, Query};
use segno_host::sandbox::ModuleError;
use segno_tests::garbage::component;
use segno_tests::hostile::Hostile;
use segno_tests::{blocked, raw};
use serde_json::json;

const GOOD: &str = "(i32.const 0)";

async fn engine() -> (Engine, tempfile::TempDir) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = segno_tests::cache();
    (Engine::open(config, segno::Steps::new()).await.expect("the engine opens"), directory)
}

#[tokio::test]
async fn a_verdict_that_is_garbage_blocks_the_run_and_the_host_goes_on() {
    let (engine, _directory) = engine().await;
    let cases = [
        ("a discriminant that there is not", r"\09\00\00\00\00\00\00\00\00\00\00\00"),
        ("a string outside of memory", r"\01\00\00\00\f0\ff\ff\7f\ff\00\00\00"),
        ("a string that is not UTF-8", r"\01\00\00\00\8d\00\00\00\02\00\00\00"),
        ("an output that is not JSON", r"\01\00\00\00\8c\00\00\00\01\00\00\00"),
        ("waiting for nothing", r"\00\00\00\00\00\00\00\00\00\00\00\00"),
    ];
    for (what, verdict) in cases {
        engine
            .deploy(component(GOOD, verdict).into())
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let run = engine.start("w", raw(&json!(1)), None).await.expect("the run is stored").run_id;
        let view = engine.run(run).await.expect("the run is known");
        assert!(!blocked(&view).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_description_that_is_garbage_is_refused() {
    let (engine, _directory) = engine().await;
    let verdict = r"\00\00\00\00\00\00\00\00\00\00\00\00";
    for describe in
        ["(unreachable)", "(loop (br 0)) (i32.const 0)", "(i32.const 65530)", "(i32.const 128)"]
    {
        let refused = engine.deploy(component(describe, verdict).into()).await.expect_err(describe);
        assert!(
            matches!(refused, EngineError::Module(ModuleError::Describe { .. })),
            "{describe}: {refused}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_garbage_is_an_error_of_the_query_and_the_run_goes_on() {
    let (engine, _directory) = engine().await;
    let nested = ["[".repeat(150), "]".repeat(150)].concat();
    // An answer that says where it begins and how long it is, and what it points at.
    let answers = |variant: u8, at: &str, length: &str| {
        format!(
            r#"(data (i32.const 8192) "\{variant:02x}\00\00\00{at}{length}") (data (i32.const 8448) "{nested}")"#
        )
    };
    let whole = answers(0, r"\00\21\00\00", r"\2c\01\00\00");
    let cases = [
        ("nested too deep", &whole, "is nested more than 100 levels deep"),
        ("no JSON", &answers(0, r"\00\21\00\00", r"\2b\01\00\00"), "is not JSON"),
        ("outside of memory", &answers(0, r"\f0\ff\ff\7f", r"\ff\00\00\00"), "out of bounds"),
        ("no variant", &answers(9, r"\00\21\00\00", r"\00\00\00\00"), "discriminant"),
        ("names without end", &answers(1, r"\00\21\00\00", r"\ff\ff\ff\7f"), ""),
    ];
    for (what, more, why) in cases {
        let waits = "(drop (call $sleep.until (i64.const 9000000000000))) (i32.const 16)";
        let hostile =
            Hostile { start: waits, query: "(i32.const 8192)", more, ..Hostile::default() };
        engine.deploy(hostile.component().into()).await.expect("it can be deployed");
        let run = engine.start("w", raw(&json!(1)), None).await.expect("the run is stored").run_id;
        let query = Query { name: "q".into(), input: "null".into(), at: None };
        let answer = engine.query(run, query).await;
        let Err(EngineError::QueryFailed { reason, .. }) = answer else {
            panic!("{what}: {answer:?}")
        };
        assert!(reason.contains(why), "{what}: {reason}");
        assert_eq!(engine.run(run).await.expect("it is there").turns, 1, "{what}");
    }
}
