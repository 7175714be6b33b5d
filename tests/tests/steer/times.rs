//! Runs that begin later, that may take some time only, and that are started again.

use std::time::Duration;

use segno_host::engine::{Asker, HistoryEvent, NewRun, NewSignal, RunStatus, Started, Times};
use segno_tests::{Host, edition, output, raw};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);

async fn start(host: &Host, workflow: &str, input: Value, new: NewRun) -> Started {
    host.engine.start_with(workflow, raw(&input), new).await.expect("it is started")
}

fn after(start_after: Duration) -> Times {
    Times { start_after: Some(start_after), ..Times::default() }
}

fn at_most(timeout: Duration) -> Times {
    Times { timeout: Some(timeout), ..Times::default() }
}

#[tokio::test]
async fn a_run_begins_when_it_is_to_and_hears_then_what_it_was_sent_before() {
    let host = Host::new().await;
    let program = json!({ "webhooks": [], "act": { "signals": ["stop", 2] }, "strict": false });
    let signal =
        |value: u64| NewSignal { name: "stop".into(), payload: value.to_string(), key: None };
    let times = after(Duration::from_secs(1));
    let new = NewRun { signals: vec![signal(1)], times, ..NewRun::default() };
    let started = start(&host, "program", program, new).await;
    assert_eq!(started.status, RunStatus::Pending);
    host.engine.signal(started.run_id, signal(2), false).await.expect("it waits to begin");
    let view = host.engine.run(started.run_id).await.expect("it is known");
    if view.status == RunStatus::Pending {
        assert_eq!((view.turns, view.begins_at.is_some()), (0, true));
    }
    // A host that comes back has it begin.
    let host = host.restart(|_config| {}).await;
    let view = host.end(started.run_id).await;
    let begun = view.begins_at.expect("it began later");
    let output = output(&view);
    let got = output["got"].as_array().expect("it got some");
    assert_eq!([&got[0][1], &got[1][1]], [&json!(1), &json!(2)]);
    let first = got[0][0].as_i64().expect("a moment");
    assert!(first >= begun.as_millisecond(), "it began at {first}, and not before {begun}");
}

#[tokio::test]
async fn a_start_with_a_key_is_one_start_also_where_it_begins_later() {
    let host = Host::new().await;
    let new = || NewRun { key: Some("k".into()), times: after(DAY), ..NewRun::default() };
    let first = start(&host, "add_steps", json!(1), new()).await;
    let again = start(&host, "add_steps", json!(1), new()).await;
    assert_eq!(
        (again.run_id, again.created, again.status),
        (first.run_id, false, RunStatus::Pending)
    );
    let view = host.engine.cancel(first.run_id).await.expect("it has not begun");
    assert_eq!((view.status, view.turns), (RunStatus::Cancelled, 1));
}

#[tokio::test]
async fn a_run_that_is_paused_before_it_begins_begins_when_it_was_to() {
    let host = Host::new().await;
    let new = NewRun { times: after(DAY), ..NewRun::default() };
    let run = start(&host, "add_steps", json!(1), new).await.run_id;
    let paused = host.engine.pause_by(run, Asker::unknown()).await.expect("it has not begun");
    assert_eq!(paused.status, RunStatus::Paused);
    let resumed = host.engine.resume(run, None).await.expect("it is paused");
    assert_eq!((resumed.status, resumed.turns), (RunStatus::Pending, 0));
    host.engine.pause_by(run, Asker::unknown()).await.expect("it has not begun");
    let other = host.engine.deploy(edition(1)).await.expect("the module is good").digest;
    let moved = host.engine.resume(run, Some(other.clone())).await.expect("it is paused");
    assert_eq!((moved.status, moved.module), (RunStatus::Pending, other));
}

#[tokio::test]
async fn a_run_that_takes_too_long_has_failed() {
    let host = Host::new().await;
    let program = json!({ "webhooks": [], "act": { "sleep": 86_400_000 }, "strict": false });
    let new = NewRun { times: at_most(Duration::from_secs(1)), ..NewRun::default() };
    let run = start(&host, "program", program, new).await.run_id;
    let host = host.restart(|_config| {}).await;
    let view = host.end(run).await;
    let error = "the run took longer than its time-out of 1 s";
    assert_eq!((view.status, view.error.as_deref()), (RunStatus::Failed, Some(error)));
    let new = NewRun { times: at_most(DAY), ..NewRun::default() };
    let run = start(&host, "add_steps", json!(2), new).await.run_id;
    assert_eq!(host.end(run).await.status, RunStatus::Completed, "one that is quick has its time");
}

#[tokio::test]
async fn a_time_out_ends_a_run_that_is_held_up_and_has_nothing_to_undo() {
    let host = Host::new().await;
    let program = json!({ "webhooks": [], "act": { "sleep": 86_400_000 }, "strict": false });
    let new = NewRun { times: at_most(Duration::from_secs(1)), ..NewRun::default() };
    let run = start(&host, "program", program, new).await.run_id;
    host.engine.pause_by(run, Asker::unknown()).await.expect("it sleeps");
    let view = host.end(run).await;
    assert_eq!((view.status, view.turns), (RunStatus::Failed, 2));
}

#[tokio::test]
async fn a_run_that_takes_too_long_cleans_up_before_it_has_failed() {
    let host = Host::new().await;
    let undo = json!({ "undo": [{ "id": 1, "fails": 0, "how": "error" }, false] });
    let acts = [undo, json!({ "sleep": 86_400_000 })];
    let program = json!({ "webhooks": [], "act": { "each": acts }, "strict": false });
    let new = NewRun { times: at_most(Duration::from_millis(300)), ..NewRun::default() };
    let run = start(&host, "program", program, new).await.run_id;
    let view = host.end(run).await;
    let error = "the run took longer than its time-out of 300 ms";
    assert_eq!((view.status, view.error.as_deref()), (RunStatus::Failed, Some(error)));
    let history = host.engine.history(run, 0, 100).await.expect("it is known");
    let is_undone =
        |event: &HistoryEvent| matches!(event, HistoryEvent::CompensationCompleted { .. });
    assert!(history.events.iter().any(|entry| is_undone(&entry.event)), "{history:?}");
}

#[tokio::test]
async fn a_run_is_started_again_with_what_an_old_one_was_given() {
    let host = Host::new().await;
    let old = host.run("add_steps", json!(4)).await;
    let key = || Some("again".to_owned());
    let new = host.engine.run_again(old.run_id, key()).await.expect("it is started");
    assert!(new.created && new.run_id != old.run_id);
    let view = host.end(new.run_id).await;
    assert_eq!((view.input.get(), output(&view)), (old.input.get(), output(&old)));
    let twice = host.engine.run_again(old.run_id, key()).await.expect("the key is known");
    assert_eq!((twice.run_id, twice.created), (new.run_id, false));
}

#[tokio::test]
async fn what_a_run_was_given_is_there_although_it_ended_before_it_began() {
    let host = Host::new().await;
    let new = NewRun { times: after(DAY), ..NewRun::default() };
    let run = start(&host, "add_steps", json!(5), new).await.run_id;
    host.engine.cancel(run).await.expect("it has not begun");
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.engine.run(run).await.expect("it is known").input.get(), "5");
    let again = host.engine.run_again(run, None).await.expect("it is started");
    assert_eq!(host.end(again.run_id).await.status, RunStatus::Completed);
}
