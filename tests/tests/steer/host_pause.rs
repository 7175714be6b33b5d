//! Holding up all runs of a host at once.

use std::time::Duration;

use segno_host::engine::{
    Asker, Engine, EngineError, HistoryEvent, NewRun, NewSignal, RunStatus, Times, VirtualClock,
};
use segno_host::store::Store;
use segno_journal::{RunId, Timestamp};
use segno_tests::{Host, basics, output, patiently, post, raw};
use serde_json::{Value, json};

use crate::engine_at;

async fn pause(engine: &Engine, is_paused: bool) -> bool {
    let by = Asker::named("ops");
    let view = match is_paused {
        true => engine.pause_host(by).await,
        false => engine.resume_host(by).await,
    };
    view.expect("the store takes it").paused
}

fn program(act: &Value) -> Value {
    json!({ "webhooks": [], "act": act, "strict": false })
}

fn stop(value: u64) -> NewSignal {
    NewSignal { name: "stop".into(), payload: value.to_string(), key: None }
}

async fn history(engine: &Engine, run: RunId) -> Vec<HistoryEvent> {
    let page = engine.history(run, 0, 100).await.expect("it is known");
    page.events.into_iter().map(|entry| entry.event).collect()
}

async fn turns(host: &Host, run: RunId) -> (RunStatus, u64) {
    let view = host.engine.run(run).await.expect("it is known");
    (view.status, view.turns)
}

#[tokio::test]
async fn a_paused_host_keeps_all_that_happens_and_goes_on_with_it_after_a_restart() {
    let host = Host::new().await;
    let waits = program(&json!({ "signals": ["stop", 2] }));
    let run = host.start("program", waits.clone()).await;
    host.until(run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    assert!(pause(&host.engine, true).await && pause(&host.engine, true).await, "twice is once");
    host.engine.signal(run, stop(4), false).await.expect("it is stored");
    let new = NewRun { key: Some("k".into()), signals: vec![stop(1)], ..NewRun::default() };
    let started = host.engine.start_with("program", raw(&waits), new.clone()).await;
    let second = started.expect("it is stored");
    assert_eq!((second.status, second.created), (RunStatus::Running, true));
    let host = host.restart(|_config| {}).await;
    host.engine.signal(run, stop(7), false).await.expect("it is stored");
    let again = host.engine.start_with("program", raw(&waits), new).await.expect("it is known");
    assert_eq!((again.run_id, again.created), (second.run_id, false));
    assert_eq!(turns(&host, run).await, (RunStatus::Running, 1), "nothing has happened to it");
    assert_eq!(turns(&host, second.run_id).await, (RunStatus::Running, 0), "it has not begun");
    let problems = host.engine.health().await.expect("it can be asked").problems;
    assert!(
        problems.iter().any(|problem| problem.message.starts_with("the host was paused by ops")),
        "{problems:?}"
    );
    assert!(!pause(&host.engine, false).await && !pause(&host.engine, false).await);
    let told = |view| {
        let output = output(&view);
        let got = output["got"].as_array().expect("it got some").iter();
        got.map(|it| it[1].clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(host.end(run).await), [json!(4), json!(7)]);
    assert_eq!(told(host.end(second.run_id).await), [json!(1), json!(1)], "each start sent one");
    assert!(host.engine.health().await.expect("it can be asked").problems.is_empty());
}

#[tokio::test]
async fn no_attempt_begins_while_the_host_is_paused_and_what_was_due_comes_then() {
    let store = Store::in_memory().expect("the store opens");
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let engine = engine_at(&store, &clock, |_config| {}).await;
    engine.deploy(basics()).await.expect("the module is good");
    let fails = json!({ "step": { "id": 1, "fails": 1, "how": { "later": 60_000 } } });
    let acts = program(&json!({ "each": [fails, { "sleep": 60_000 }] }));
    let run = engine.start("program", raw(&acts), None).await.expect("it starts").run_id;
    let soon = Times { start_after: Some(Duration::from_secs(60)), ..Times::default() };
    let new = NewRun { times: soon, ..NewRun::default() };
    let later = engine.start_with("add_steps", raw(&json!(1)), new).await.expect("it starts");
    let is_retrying = |event: &HistoryEvent| matches!(event, HistoryEvent::StepRetrying { .. });
    patiently(async {
        while !history(&engine, run).await.iter().any(is_retrying) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    pause(&engine, true).await;
    clock.advance(Duration::from_secs(3_600));
    // It is paused while all of that is due, and so is the next host.
    engine.shutdown().await;
    drop(engine);
    let engine = engine_at(&store, &clock, |_config| {}).await;
    let turns = async |run| engine.run(run).await.expect("it is known").turns;
    assert_eq!((turns(run).await, turns(later.run_id).await), (1, 0));
    let woken = engine.wake_by(run, None, Asker::unknown()).await;
    assert!(matches!(woken, Err(EngineError::IsBlocked(of)) if of == run), "{woken:?}");
    pause(&engine, false).await;
    for run in [run, later.run_id] {
        let ends = async {
            loop {
                clock.advance(Duration::from_secs(60));
                let view = engine.run(run).await.expect("it is known");
                if view.status.has_ended() {
                    return view.status;
                }
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(patiently(ends).await, RunStatus::Completed);
    }
}

#[tokio::test]
async fn on_a_paused_host_runs_can_be_ended_and_those_that_are_paused_themselves_stay_so() {
    let host = Host::new().await;
    let waits = program(&json!({ "signals": ["stop", 1] }));
    let [cancelled, paused] =
        [host.start("program", waits.clone()).await, host.start("program", waits.clone()).await];
    for run in [cancelled, paused] {
        host.until(run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    }
    host.engine.pause_by(paused, Asker::unknown()).await.expect("it waits");
    pause(&host.engine, true).await;
    let view = host.engine.cancel(cancelled).await.expect("it has nothing to undo");
    assert_eq!(view.status, RunStatus::Cancelled);
    host.engine.signal(paused, stop(1), false).await.expect("it is stored");
    pause(&host.engine, false).await;
    assert_eq!(turns(&host, paused).await, (RunStatus::Paused, 1));
    host.engine.resume(paused, None).await.expect("it is paused");
    assert_eq!(host.end(paused).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_caller_of_a_webhook_is_answered_while_the_host_is_paused() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    host.until(run, |view| (view.turns == 2).then_some(())).await;
    pause(&host.engine, true).await;
    host.engine.call_webhook(&token, post("x")).await.expect("it is stored");
    assert_eq!(turns(&host, run).await, (RunStatus::Running, 2));
    pause(&host.engine, false).await;
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn an_attempt_that_waits_for_a_place_begins_when_the_host_is_resumed() {
    let host = Host::with(|config| config.max_running_steps = 1).await;
    let reaches = async |counted: &str| {
        while !host.engine.metrics().contains(counted) {
            tokio::task::yield_now().await;
        }
    };
    let first = host.start("step_fails", json!({ "slow": 3_600_000 })).await;
    patiently(reaches("segno_steps_running 1\n")).await;
    let second = host.start("step_fails", json!({ "slow": 0 })).await;
    patiently(reaches("segno_steps_waiting 1\n")).await;
    pause(&host.engine, true).await;
    host.engine.cancel(first).await.expect("it has nothing to undo");
    // Whoever gives a place back gives it to the next one at once.
    patiently(reaches("segno_steps_running 0\n")).await;
    assert!(host.engine.metrics().contains("segno_steps_waiting 1\n"), "it waits still");
    assert_eq!(turns(&host, second).await, (RunStatus::Running, 1));
    assert!(host.engine.metrics().contains("segno_paused 1\n"));
    pause(&host.engine, false).await;
    assert!(host.engine.metrics().contains("segno_paused 0\n"));
    assert_eq!(host.output(second).await, json!({ "Ok": false }));
}
