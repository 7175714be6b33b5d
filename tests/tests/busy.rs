//! More than the host can do: who comes too much is refused at once, what was stored is done, and
//! what was refused was not stored.

use std::time::Duration;

use segno::Steps;
use segno::native::{Step, StepPolicy};
use segno_host::engine::{Config, Engine, EngineError, Reply, RunStatus};
use segno_tests::{basics, cache, patiently, post, raw, token};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// An engine with room for so many who wait, whose step `respond` never answers anybody.
async fn engine(max_waiting: usize) -> (Engine, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    (config.cache, config.max_waiting) = (cache(), max_waiting);
    let others = guest_basics::steps()
        .iter()
        .filter(|step| step.name != "respond")
        .cloned()
        .collect::<Vec<_>>();
    let respond = Step::new("respond", StepPolicy::default(), |_input| std::future::pending());
    let engine =
        Engine::open(config, others.into_iter().fold(Steps::new(), Steps::with).with(respond))
            .await
            .expect("the engine opens");
    engine.deploy(basics()).await.expect("the module is good");
    (engine, directory)
}

#[tokio::test]
async fn a_caller_for_whom_there_is_no_place_is_refused_and_not_stored() {
    let (engine, _directory) = engine(1).await;
    let run =
        engine.start("hook_manual_in_step", raw(&json!(2)), None).await.expect("it starts").run_id;
    let token = token(&engine, run).await;
    let first = engine.call_webhook(&token, post("first")).await.expect("there is a place");
    assert!(matches!(first, Reply::Later(..)), "{first:?}");
    let turns = engine.run(run).await.expect("the run is known").turns;

    let refused =
        engine.call_webhook(&token, post("second")).await.expect_err("there is no other place");
    assert!(matches!(refused, EngineError::NoRoomToWait), "{refused}");
    assert_eq!(engine.run(run).await.expect("the run is known").turns, turns, "nothing was stored");

    drop(first);
    let third = engine.call_webhook(&token, post("third")).await.expect("the place is free again");
    assert!(matches!(third, Reply::Later(..)), "{third:?}");
}

#[tokio::test]
async fn who_waits_for_an_end_leaves_room_for_who_does_not() {
    let (engine, _directory) = engine(1).await;
    let run = engine.start("hook", raw(&json!(1)), None).await.expect("it starts").run_id;
    let token = token(&engine, run).await;
    // Whichever comes second is refused at once; the other one goes on waiting.
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let engine = engine.clone();
        waiting.spawn(async move { engine.wait(run, Duration::from_secs(60)).await });
    }
    let refused = patiently(waiting.join_next()).await.expect("there are two").expect("no panic");
    assert!(matches!(refused, Err(EngineError::NoRoomToWait)), "{refused:?}");

    let other = engine.start("hook", raw(&json!(1)), None).await.expect("it starts").run_id;
    assert_eq!(
        engine.cancel(other).await.expect("it can be cancelled").status,
        RunStatus::Cancelled
    );
    let ended =
        engine.wait(other, Duration::from_secs(60)).await.expect("what has ended needs no place");
    assert_eq!(ended.status, RunStatus::Cancelled);

    engine.call_webhook(&token, post("x")).await.expect("the call is stored");
    let ended = patiently(waiting.join_next()).await.expect("one waits still").expect("no panic");
    assert_eq!(ended.expect("the run is known").status, RunStatus::Completed);
    assert!(engine.wait(run, Duration::ZERO).await.is_ok());
}
