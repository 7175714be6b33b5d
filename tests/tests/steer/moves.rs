//! Moving runs to another module while they go on.

use segno_host::engine::{Asker, EngineError, HistoryEvent, NewRun, RunStatus, Times};
use segno_journal::RunId;
use segno_tests::{Host, edition, output, post, raw, rogue};
use serde_json::json;
use std::time::Duration;

async fn moved(host: &Host, run: RunId, module: &str) -> Result<RunStatus, EngineError> {
    Ok(host.engine.move_by(run, module, Asker::named("ops")).await?.status)
}

async fn deployed(host: &Host, wasm: bytes::Bytes) -> String {
    host.engine.deploy(wasm).await.expect("the module is good").digest
}

async fn module(host: &Host, run: RunId) -> String {
    host.engine.run(run).await.expect("it is known").module
}

#[tokio::test]
async fn a_run_is_moved_while_it_goes_on_and_stays_where_it_does_not_fit() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    let first = module(&host, run).await;
    let foreign = deployed(&host, rogue()).await;
    let refused = moved(&host, run, &foreign).await;
    assert!(
        matches!(refused, Err(EngineError::DoesNotFit { run: of, .. }) if of == run),
        "{refused:?}"
    );
    assert_eq!(module(&host, run).await, first, "it stays where it does not fit");
    let second = deployed(&host, edition(2)).await;
    assert_eq!(moved(&host, run, &second).await.expect("it fits"), RunStatus::Running);
    assert_eq!(moved(&host, run, &second).await.expect("twice is once"), RunStatus::Running);
    // After a crash it is still there, and its next turn is that of the other module.
    let host = host.restart(|_config| {}).await;
    assert_eq!(module(&host, run).await, second);
    host.engine.call_webhook(&token, post("x")).await.expect("it is stored");
    assert_eq!(host.output(run).await, json!("this is edition 1"));
    let history = host.engine.history(run, 0, 100).await.expect("it is known").events;
    let changes: Vec<_> = history
        .into_iter()
        .filter_map(|entry| match entry.event {
            HistoryEvent::ModuleChanged { by, from, to } => Some((by, from, to)),
            HistoryEvent::RunResumed { .. } => panic!("nobody has resumed it"),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(Some("ops".to_owned()), first, second)]);
}

#[tokio::test]
async fn a_paused_run_is_moved_and_stays_paused_and_one_that_begins_later_begins_there() {
    let host = Host::new().await;
    let waits = json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false });
    let paused = host.start("program", waits.clone()).await;
    host.until(paused, |view| (!view.waits_for.is_empty()).then_some(())).await;
    host.engine.pause_by(paused, Asker::unknown()).await.expect("it waits");
    let times = Times { start_after: Some(Duration::from_secs(3_600)), ..Times::default() };
    let new = NewRun { times, ..NewRun::default() };
    let later = host.engine.start_with("program", raw(&waits), new).await.expect("it starts");
    let foreign = deployed(&host, rogue()).await;
    let refused = moved(&host, later.run_id, &foreign).await;
    assert!(matches!(refused, Err(EngineError::DoesNotFit { .. })), "it has no such workflow");
    let other = deployed(&host, edition(2)).await;
    assert_eq!(moved(&host, paused, &other).await.expect("it fits"), RunStatus::Paused);
    assert_eq!(moved(&host, later.run_id, &other).await.expect("it fits"), RunStatus::Pending);
    host.engine.resume(paused, None).await.expect("it is paused");
    let stop =
        || segno_host::engine::NewSignal { name: "stop".into(), payload: "5".into(), key: None };
    host.engine.signal(paused, stop(), false).await.expect("it is stored");
    let view = host.end(paused).await;
    assert_eq!((&view.module, &output(&view)["got"][0][1]), (&other, &json!(5)));
    assert_eq!(module(&host, later.run_id).await, other);
}

#[tokio::test]
async fn a_blocked_run_goes_on_where_it_is_moved_to_and_an_ended_one_is_refused() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    host.until(run, |view| (view.turns == 2).then_some(())).await;
    host.engine.call_webhook(&token, post("panic")).await.expect("it is stored");
    let before = host.end(run).await;
    assert_eq!(before.status, RunStatus::Blocked);
    let second = deployed(&host, edition(2)).await;
    moved(&host, run, &second).await.expect("it fits");
    let view = host.end(run).await;
    assert_eq!((view.status, &view.module), (RunStatus::Blocked, &second), "it panics there, too");
    let refused = moved(&host, run, &deployed(&host, rogue()).await).await;
    assert!(matches!(refused, Err(EngineError::DoesNotFit { .. })), "{refused:?}");
    host.engine.cancel(run).await.expect("it is blocked");
    let refused = moved(&host, run, &second).await;
    assert!(matches!(refused, Err(EngineError::HasEnded(of)) if of == run), "{refused:?}");
    for unknown in ["sha256:0000".to_owned(), format!("sha256:{}", "0".repeat(64))] {
        let unknown = moved(&host, run, &unknown).await;
        assert!(matches!(unknown, Err(EngineError::UnknownModule(_))), "{unknown:?}");
    }
}

#[tokio::test]
async fn runs_are_moved_where_there_is_room_for_few_of_their_guests() {
    let host = Host::with(|config| (config.shards, config.memory_budget) = (1, 500_000)).await;
    let waits = json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false });
    let mut runs = Vec::new();
    for _ in 0..12 {
        runs.push(host.start("program", waits.clone()).await);
    }
    let mut module = String::new();
    for number in [2, 3] {
        module = deployed(&host, edition(number)).await;
        for run in &runs {
            moved(&host, *run, &module).await.expect("it fits");
        }
    }
    for run in runs {
        let stop =
            segno_host::engine::NewSignal { name: "stop".into(), payload: "5".into(), key: None };
        host.engine.signal(run, stop, false).await.expect("it is stored");
        let view = host.end(run).await;
        assert_eq!((view.status, &view.module), (RunStatus::Completed, &module));
    }
}
