//! What a run keeps open is in memory, so it is bounded: for each run, and for all runs of a host.

use segno_host::engine::{Config, Engine, RunStatus, RunView};
use segno_journal::{BlockKind, RunId};
use segno_tests::hostile::Hostile;
use segno_tests::{cache, raw};
use serde_json::json;
use tempfile::TempDir;

/// A workflow that opens a webhook of which each call is answered with a megabyte, at its start and
/// whenever its sleep is over, which it is at once. It has so many of them in the end.
fn opens(name: &str, webhooks: u32) -> Vec<u8> {
    let turn = format!(
        "(if (i32.lt_u (global.get $opened) (i32.const {webhooks}))
            (then
                (global.set $opened (i32.add (global.get $opened) (i32.const 1)))
                (call $webhook.create (i32.const 1) (i32.const 200) (i32.const 0) (i32.const 0)
                    (i32.const 65536) (i32.const 1000000) (i32.const 1024))
                (drop (call $sleep.until (i64.const 0))))
            (else (drop (call $sleep.until (i64.const -1)))))
        (i32.const 16)"
    );
    let more = "(global $opened (mut i32) (i32.const 0))";
    let workflows = [name];
    Hostile {
        workflows: &workflows,
        pages: 32,
        start: &turn,
        deliver: &turn,
        more,
        ..Hostile::default()
    }
    .component()
}

async fn open(directory: &TempDir, configure: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config::new(directory.path(), "http://segno.test");
    (config.cache, config.shards) = (cache(), 2);
    configure(&mut config);
    Engine::open(config, segno::Steps::new()).await.expect("the engine opens")
}

async fn close(engine: Engine) {
    engine.shutdown().await;
    drop(engine);
}

async fn start(engine: &Engine, workflow: &str) -> RunId {
    engine.start(workflow, raw(&json!(null)), None).await.expect("the run starts").run_id
}

/// The run once it looks so.
async fn until(engine: &Engine, run: RunId, looks_so: impl Fn(&RunView) -> bool) -> RunView {
    loop {
        let view = engine.run(run).await.expect("it is known");
        if looks_so(&view) {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

/// The run once it goes on with so many webhooks and a sleep.
async fn until_open(engine: &Engine, run: RunId, webhooks: usize) -> RunView {
    let is_open = |view: &RunView| {
        view.status == RunStatus::Running
            && view.turns > webhooks as u64
            && view.waits_for.len() == webhooks + 1
    };
    until(engine, run, is_open).await
}

/// The run once it is blocked by a limit, with these words.
async fn until_too_much(engine: &Engine, run: RunId, words: &str) -> RunView {
    let is_blocked = |view: &RunView| {
        let blocked = view.blocked.as_ref();
        blocked.is_some_and(|blocked| {
            blocked.kind == BlockKind::Limit && blocked.message.contains(words)
        })
    };
    until(engine, run, is_blocked).await
}

#[tokio::test]
async fn a_run_that_keeps_too_many_bytes_open_is_blocked_before_they_are_on_disk() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory, |config| config.limits.open_bytes = 4 << 20).await;
    engine.deploy(opens("few", 3).into()).await.expect("the module is good");
    engine.deploy(opens("many", 100).into()).await.expect("the module is good");
    let few = start(&engine, "few").await;
    let many = start(&engine, "many").await;
    let view = until_too_much(&engine, many, "at most 4194304 are allowed at once").await;
    // Four webhooks and a sleep: the turn with the fifth is not there.
    assert_eq!((view.turns, view.waits_for.len()), (4, 5));
    until_open(&engine, few, 3).await;
    close(engine).await;
    // Where there is less room, neither is read at all; where there is more, both go on.
    let engine = open(&directory, |config| config.limits.open_bytes = 1 << 20).await;
    for run in [few, many] {
        until_too_much(&engine, run, "at most 1048576 are allowed at once").await;
    }
    close(engine).await;
    let engine = open(&directory, |_config| {}).await;
    until_open(&engine, few, 3).await;
    until_too_much(&engine, many, "at most 33554432 are allowed at once").await;
    close(engine).await;
}

#[tokio::test]
async fn many_runs_share_one_room_for_what_they_keep_open_and_small_ones_need_none() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory, |config| config.open_budget = 5_500_000).await;
    engine.deploy(opens("large", 5).into()).await.expect("the module is good");
    engine.deploy(opens("small", 0).into()).await.expect("the module is good");
    let first = start(&engine, "large").await;
    until_open(&engine, first, 5).await;
    let second = start(&engine, "large").await;
    until_too_much(&engine, second, "--open-budget").await;
    let small = start(&engine, "small").await;
    until_open(&engine, small, 0).await;
    // What one gives back, the other takes.
    engine.cancel(first).await.expect("it is cancelled");
    engine.resume(second, None).await.expect("it goes on");
    until_open(&engine, second, 5).await;
    close(engine).await;
    let engine = open(&directory, |config| config.open_budget = 1 << 20).await;
    until_too_much(&engine, second, "--open-budget").await;
    until_open(&engine, small, 0).await;
    // One that was not read is cancelled as any other.
    assert_eq!(engine.cancel(second).await.expect("it is cancelled").status, RunStatus::Cancelled);
    close(engine).await;
}
