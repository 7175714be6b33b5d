//! Idempotency keys that lead to one run at a time.

use std::time::Duration;

use segno_host::engine::{
    Asker, Clock, Config, Engine, EngineError, HistoryEvent, IfRunning, NewBatch, NewRun,
    NewSignal, RunStatus, StartInBatch, Started, VirtualClock,
};
use segno_host::store::Store;
use segno_journal::{RunId, Timestamp};
use segno_tests::{Host, output, patiently, raw};
use serde_json::{Value, json};

/// Longer than any test.
const DAY: u64 = 86_400_000;

fn of_key(if_running: IfRunning) -> NewRun {
    let (key, by) = (Some("k".to_owned()), Asker::named("ops"));
    NewRun { key, if_running: Some(if_running), by, ..NewRun::default() }
}

/// A program that waits for a signal, or for ever.
fn waits() -> Value {
    json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false })
}

fn stop(of: u64) -> NewSignal {
    NewSignal { name: "stop".into(), payload: of.to_string(), key: None }
}

async fn start(engine: &Engine, input: &Value, new: NewRun) -> Result<Started, EngineError> {
    engine.start_with("program", raw(input), new).await
}

async fn at_once(host: &Host, if_running: IfRunning) -> Vec<Result<Started, EngineError>> {
    let input = waits();
    let all = (0..100).map(|_| start(&host.engine, &input, of_key(if_running)));
    futures::future::join_all(all).await
}

async fn runs(host: &Host) -> usize {
    let filter = segno_host::engine::RunFilter { limit: 1_000, ..Default::default() };
    host.engine.runs(filter).await.expect("they are listed").runs.len()
}

#[tokio::test]
async fn of_starts_at_once_that_use_what_runs_one_is_a_run_and_after_its_end_another_one() {
    let host = Host::new().await;
    let mut before = None;
    for round in 1..4 {
        let started = at_once(&host, IfRunning::Use).await;
        let started: Vec<_> = started.into_iter().map(|one| one.expect("it is one")).collect();
        let run = started[0].run_id;
        assert!(started.iter().all(|one| one.run_id == run), "{started:?}");
        assert_eq!(started.iter().filter(|one| one.created).count(), 1);
        assert_ne!(before.replace(run), Some(run), "the one before has ended");
        assert_eq!(runs(&host).await, round);
        host.engine.signal(run, stop(1), false).await.expect("it waits for that");
        assert_eq!(host.end(run).await.status, RunStatus::Completed);
    }
}

#[tokio::test]
async fn of_starts_at_once_that_refuse_what_runs_one_is_a_run_and_the_others_are_told_which() {
    let host = Host::new().await;
    for round in 1..3 {
        let started = at_once(&host, IfRunning::Refuse).await;
        let of = |one: &Result<Started, EngineError>| match one {
            Ok(Started { run_id, .. }) | Err(EngineError::AlreadyRunning(run_id)) => *run_id,
            Err(error) => panic!("{error}"),
        };
        let run = of(&started[0]);
        assert!(started.iter().all(|one| of(one) == run), "{started:?}");
        assert_eq!(started.iter().filter(|one| one.is_ok()).count(), 1);
        assert_eq!(runs(&host).await, round);
        host.engine.cancel(run).await.expect("it waits");
    }
}

#[tokio::test]
async fn what_runs_is_used_whatever_its_input_and_is_sent_the_signals_of_the_start() {
    let host = Host::new().await;
    let first = start(&host.engine, &waits(), of_key(IfRunning::Use)).await.expect("it is new");
    let new = NewRun { signals: vec![stop(7)], ..of_key(IfRunning::Use) };
    let other = json!({ "webhooks": [], "act": { "signals": ["stop", 2] }, "strict": false });
    let used = start(&host.engine, &other, new.clone()).await.expect("it goes on");
    assert_eq!((used.run_id, used.created), (first.run_id, false));
    let output = output(&host.end(first.run_id).await);
    assert_eq!(output["got"][0][1], json!(7), "{output}");
    let next = start(&host.engine, &other, new).await.expect("the first one has ended");
    assert!(next.created && next.run_id != first.run_id);
    let once = NewRun { if_running: None, ..of_key(IfRunning::Use) };
    let known = start(&host.engine, &other, once).await.expect("the key leads to it");
    assert_eq!((known.run_id, known.created), (next.run_id, false));
    let view = host.engine.run(next.run_id).await.expect("it is known");
    assert_eq!(view.status, RunStatus::Running, "it was sent one, and waits for another one");
}

#[tokio::test]
async fn what_runs_is_cancelled_with_a_note_of_who_asked_and_another_one_begins_when_it_has_ended()
{
    let host = Host::new().await;
    let undo = json!({ "undo": [{ "id": 1, "fails": 0, "how": "error" }, false] });
    let acts = [undo, json!({ "sleep": DAY })];
    let saga = json!({ "webhooks": [], "act": { "each": acts }, "strict": false });
    let mut before: Option<RunId> = None;
    for _ in 0..3 {
        let started = start(&host.engine, &saga, of_key(IfRunning::Cancel)).await;
        let run = started.expect("the one before cleans up soon").run_id;
        if let Some(before) = before.replace(run) {
            let view = host.engine.run(before).await.expect("it is known");
            assert_eq!(view.status, RunStatus::Cancelled, "{view:?}");
            let history = host.engine.history(before, 0, 100).await.expect("it is known");
            let by_ops = |event: &HistoryEvent| matches!(event, HistoryEvent::RunCancelling { by: Some(by), .. } if by == "ops");
            assert!(history.events.iter().any(|entry| by_ops(&entry.event)), "{history:?}");
        }
        host.until(run, |view| view.cleanup.as_ref().map(|_registered| ())).await;
    }
}

#[tokio::test]
async fn where_what_is_cancelled_takes_its_time_nothing_is_started_until_it_has_ended() {
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::in_memory().expect("the store opens");
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = segno_tests::cache();
    let opened =
        Engine::open_on(store, config, guest_basics::steps(), Clock::Virtual(clock.clone()));
    let engine = opened.await.expect("the engine opens");
    engine.deploy(segno_tests::basics()).await.expect("the module is good");
    let undo = json!({ "undo": [{ "id": 1, "fails": 1, "how": { "later": DAY } }, false] });
    let acts = [undo, json!({ "sleep": DAY })];
    let saga = json!({ "webhooks": [], "act": { "each": acts }, "strict": false });
    let first = start(&engine, &saga, of_key(IfRunning::Refuse)).await.expect("it is new").run_id;
    patiently(async {
        while engine.run(first).await.expect("it is known").cleanup.is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let moves_on = async {
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::select! {
        refused = start(&engine, &saga, of_key(IfRunning::Cancel)) => refused,
        () = moves_on => unreachable!("time goes on for ever"),
    };
    assert!(matches!(refused, Err(EngineError::StillEnding(of)) if of == first), "{refused:?}");
    let used = start(&engine, &saga, of_key(IfRunning::Use)).await.expect("it goes on");
    assert_eq!((used.run_id, used.created), (first, false));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_batch_uses_or_refuses_what_runs_and_starts_another_one_when_that_has_ended() {
    let host = Host::new().await;
    let batch = |if_running, signals| {
        let new = NewRun { signals, ..of_key(if_running) };
        let start = StartInBatch { workflow: "program".into(), input: raw(&waits()), new };
        NewBatch { starts: vec![start], ..NewBatch::default() }
    };
    let store = |batch| host.engine.batch(batch);
    let first = store(batch(IfRunning::Refuse, vec![])).await.expect("it is new").starts[0].clone();
    assert!(first.created);
    match store(batch(IfRunning::Refuse, vec![])).await {
        Err(EngineError::InBatch { part, error }) => {
            assert!(matches!(*error, EngineError::AlreadyRunning(of) if of == first.run_id));
            assert_eq!(part, "starts[0]");
        }
        stored => panic!("{stored:?}"),
    }
    let used = store(batch(IfRunning::Use, vec![stop(1)])).await.expect("it goes on");
    assert_eq!((used.starts[0].run_id, used.starts[0].created), (first.run_id, false));
    assert_eq!(host.end(first.run_id).await.status, RunStatus::Completed);
    let next = store(batch(IfRunning::Use, vec![stop(2)])).await.expect("it is new");
    assert!(next.starts[0].created && next.starts[0].run_id != first.run_id);
    assert_eq!(host.end(next.starts[0].run_id).await.status, RunStatus::Completed);
    match store(batch(IfRunning::Cancel, vec![])).await {
        Err(EngineError::InBatch { error, .. }) => {
            assert!(matches!(*error, EngineError::CancelInBatch), "{error}");
        }
        stored => panic!("{stored:?}"),
    }
    let keyless = NewRun { key: None, ..of_key(IfRunning::Use) };
    let refused = start(&host.engine, &waits(), keyless).await;
    assert!(matches!(refused, Err(EngineError::NoKey)), "{refused:?}");
}
