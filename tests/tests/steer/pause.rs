//! Holding runs up.

use segno_host::engine::{Asker, EngineError, HistoryEvent, NewRun, NewSignal, RunStatus, Times};
use segno_journal::RunId;
use segno_tests::{Host, output, raw, rogue};
use serde_json::json;

async fn pause(host: &Host, run: RunId) -> Result<RunStatus, EngineError> {
    Ok(host.engine.pause_by(run, Asker::named("ops")).await?.status)
}

fn number(number: u64) -> NewSignal {
    NewSignal { name: "stop".into(), payload: number.to_string(), key: None }
}

/// A run that takes two signals and returns their sum or the like; it waits for the first one.
async fn waits(host: &Host) -> RunId {
    let program = json!({ "webhooks": [], "act": { "signals": ["stop", 2] }, "strict": false });
    let run = host.start("program", program).await;
    host.until(run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    run
}

#[tokio::test]
async fn a_paused_run_hears_in_order_of_what_happened_when_it_is_resumed() {
    let host = Host::new().await;
    let run = waits(&host).await;
    assert_eq!(pause(&host, run).await.expect("it waits"), RunStatus::Paused);
    assert_eq!(pause(&host, run).await.expect("twice is once"), RunStatus::Paused);
    for value in [4, 7] {
        host.engine.signal(run, number(value), false).await.expect("it is stored");
    }
    let host = host.restart(|_config| {}).await;
    let view = host.engine.run(run).await.expect("it is known");
    assert_eq!((view.status, view.turns), (RunStatus::Paused, 1), "nothing has happened to it");
    host.engine.resume(run, None).await.expect("it is paused");
    let view = host.end(run).await;
    let output = output(&view);
    let got: Vec<_> =
        output["got"].as_array().expect("it got some").iter().map(|it| &it[1]).collect();
    assert_eq!(got, [&json!(4), &json!(7)]);
    let history = host.engine.history(run, 0, 100).await.expect("it is known");
    let by = history.events.into_iter().filter_map(|entry| match entry.event {
        HistoryEvent::RunPaused { by } => Some(("paused", by)),
        HistoryEvent::RunResumed { by } => Some(("resumed", by)),
        _ => None,
    });
    assert_eq!(by.collect::<Vec<_>>(), [("paused", Some("ops".to_owned())), ("resumed", None)]);
}

#[tokio::test]
async fn a_step_of_a_paused_run_comes_to_its_end_and_the_next_one_does_not_begin() {
    let host = Host::new().await;
    let step = |id, how| json!({ "step": { "id": id, "fails": 1, "how": how } });
    let acts = [step(1, json!({ "later": 300 })), step(2, json!("error"))];
    let program = json!({ "webhooks": [], "act": { "each": acts }, "strict": false });
    let run = host.start("program", program).await;
    host.until(run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    pause(&host, run).await.expect("it waits for a step");
    // Its event is held: then the run waits for nothing that is under way.
    let retried = async {
        loop {
            let history = host.engine.history(run, 0, 100).await.expect("it is known");
            let is_retrying =
                |event: &HistoryEvent| matches!(event, HistoryEvent::StepRetrying { .. });
            if history.events.iter().any(|entry| is_retrying(&entry.event)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    segno_tests::patiently(retried).await;
    let view = host.engine.run(run).await.expect("it is known");
    assert_eq!((view.status, view.turns), (RunStatus::Paused, 1));
    host.engine.resume(run, None).await.expect("it is paused");
    let view = host.end(run).await;
    assert_eq!((view.status, view.turns), (RunStatus::Completed, 3));
}

#[tokio::test]
async fn what_cannot_be_paused_is_refused_with_the_reason() {
    let host = Host::new().await;
    let ended = host.run("add_steps", json!(1)).await.run_id;
    assert!(matches!(pause(&host, ended).await, Err(EngineError::HasEnded(of)) if of == ended));
    let resumed = host.engine.resume(ended, None).await;
    assert!(matches!(resumed, Err(EngineError::NotBlocked(of)) if of == ended), "{resumed:?}");
    let run = waits(&host).await;
    pause(&host, run).await.expect("it waits");
    let woken = host.engine.wake_by(run, None, Asker::unknown()).await;
    assert!(matches!(woken, Err(EngineError::IsBlocked(of)) if of == run), "{woken:?}");
    let view = host.engine.cancel(run).await.expect("it has nothing to undo");
    assert_eq!(view.status, RunStatus::Cancelled);
}

#[tokio::test]
async fn a_paused_run_stays_so_where_it_does_not_fit_the_module_that_it_is_to_go_on_with() {
    let host = Host::new().await;
    let run = waits(&host).await;
    pause(&host, run).await.expect("it waits");
    let other = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let moved = host.engine.resume(run, Some(other)).await;
    assert!(
        matches!(moved, Err(EngineError::DoesNotFit { run: of, .. }) if of == run),
        "{moved:?}"
    );
    assert_eq!(host.engine.run(run).await.expect("it is known").status, RunStatus::Paused);
    host.engine.resume(run, None).await.expect("it is paused");
    for value in [4, 7] {
        host.engine.signal(run, number(value), false).await.expect("it is stored");
    }
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_run_that_has_not_begun_goes_on_on_no_module_without_its_workflow() {
    let host = Host::new().await;
    let times =
        Times { start_after: Some(std::time::Duration::from_secs(3_600)), ..Times::default() };
    let new = NewRun { times, ..NewRun::default() };
    let started = host.engine.start_with("add_steps", raw(&json!(1)), new).await;
    let run = started.expect("it starts").run_id;
    pause(&host, run).await.expect("it is pending");
    let other = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let moved = host.engine.resume(run, Some(other)).await.expect_err("it has no such workflow");
    assert!(moved.to_string().contains("has no workflow `add_steps`"), "{moved}");
    assert_eq!(host.engine.run(run).await.expect("it is known").status, RunStatus::Paused);
}
