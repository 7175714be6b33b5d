//! Components that follow the letter of the interface and give garbage: written by hand, since no
//! SDK would build them.

use segno_host::engine::{Config, Engine, EngineError};
use segno_host::sandbox::ModuleError;
use segno_tests::{blocked, raw};
use serde_json::json;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A module that describes itself as holding the workflow `w`. `verdict` is what `start` and
/// `deliver` point at: 12 bytes, a discriminant and a string.
fn component(describe: &str, verdict: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
            (func (export "segno:workflow/guest@0.1.0#describe") (result i32) {describe})
            (func (export "segno:workflow/guest@0.1.0#start") (param i32 i32 i32 i32) (result i32)
                (i32.const 64))
            (func (export "segno:workflow/guest@0.1.0#deliver")
                (param i64 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 64))
            (func (export "segno:workflow/guest@0.1.0#save"))
            (func (export "segno:workflow/guest@0.1.0#load") (param i64))
            (data (i32.const 0) "\80\00\00\00\01\00\00\00\a0\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
            (data (i32.const 64) "{verdict}")
            (data (i32.const 128) "x")
            (data (i32.const 140) "w\ff\fe")
            (data (i32.const 160) "\8c\00\00\00\01\00\00\00"))"#
    );
    let mut module = wat::parse_str(wat).expect("the module is well written");
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (package, _files) = resolve.push_dir(wit).expect("the WIT is well written");
    let world = resolve.select_world(&[package], Some("workflow")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it fits the world");
    let encoder = ComponentEncoder::default().module(&module).expect("it is a module of the world");
    encoder.validate(true).encode().expect("it is a component")
}

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
    for describe in ["(unreachable)", "(loop (br 0)) (i32.const 0)", "(i32.const 65530)", "(i32.const 128)"] {
        let refused = engine.deploy(component(describe, verdict).into()).await.expect_err(describe);
        assert!(
            matches!(refused, EngineError::Module(ModuleError::Describe { .. })),
            "{describe}: {refused}"
        );
    }
}
