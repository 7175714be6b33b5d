//! Runs that are deleted: by hand, and because they ended long ago.

use std::time::Duration;

use segno_host::engine::{
    Asker, Engine, EngineError, KeptFor, NewRun, RunFilter, RunStatus, Swept, VirtualClock,
};
use segno_host::store::Store;
use segno_journal::{RunId, Timestamp};
use segno_tests::{Host, output, patiently, raw};

use crate::engine_at;
use serde_json::{Value, json};

/// How many milliseconds a day has.
const DAY: u64 = 86_400_000;

async fn delete(engine: &Engine, run: RunId) -> Result<(), EngineError> {
    engine.delete_by(run, Asker::named("ops")).await
}

fn program(act: &Value) -> Value {
    json!({ "webhooks": [true, false], "act": act, "strict": false })
}

async fn runs(engine: &Engine) -> Vec<RunId> {
    let filter = RunFilter { limit: 1_000, ..RunFilter::default() };
    let page = engine.runs(filter).await.expect("they are listed");
    page.runs.into_iter().map(|run| run.run_id).collect()
}

/// The tables that have something of a run.
fn left(store: &Store, run: RunId) -> Vec<&'static str> {
    let of_run = |bytes: &[u8]| bytes.windows(16).any(|part| part == run.to_bytes());
    let has = |table: &&str| {
        let rows = store.raw_rows(table).expect("it can be read");
        rows.iter().any(|(key, value)| of_run(key) || of_run(value))
    };
    Store::raw_tables().filter(has).collect()
}

#[tokio::test]
async fn a_run_that_is_deleted_is_gone_and_its_key_and_tokens_with_it() {
    let host = Host::new().await;
    let engine = &host.engine;
    let acts =
        json!({ "each": [{ "step": { "id": 1, "fails": 1, "how": "error" } }, { "sleep": DAY }] });
    let new = NewRun { key: Some("k".into()), ..NewRun::default() };
    let started = engine.start_with("program", raw(&program(&acts)), new.clone()).await;
    let run = started.expect("it starts").run_id;
    let token = host.token(run).await;
    let refused = delete(engine, run).await;
    assert!(matches!(refused, Err(EngineError::NotEnded(of)) if of == run), "{refused:?}");
    engine.cancel(run).await.expect("it waits");
    delete(engine, run).await.expect("it has ended");
    let gone = engine.run(run).await;
    assert!(matches!(gone, Err(EngineError::UnknownRun(of)) if of == run), "{gone:?}");
    assert_eq!(runs(engine).await, []);
    let called = engine.call_webhook(&token, segno_tests::post("x")).await;
    assert!(matches!(called, Err(EngineError::UnknownWebhook)), "{called:?}");
    let again = delete(engine, run).await;
    assert!(matches!(again, Err(EngineError::UnknownRun(_))), "{again:?}");
    let other = program(&json!({ "signals": ["stop", 1] }));
    let next = engine.start_with("program", raw(&other), new).await.expect("the key is free");
    assert!(next.created && next.run_id != run);
    engine.sweep().await.expect("there is room");
    let directory = host.stop().await;
    let store = Store::open(directory.path()).expect("the store opens");
    assert_eq!(left(&store, run), Vec::<&str>::new());
    let checked = store.check(&mut |what| panic!("{what}")).expect("it can be read");
    assert_eq!((checked.findings, checked.runs), (0, 1));
}

#[tokio::test]
async fn a_child_is_kept_until_its_parent_has_heard_how_it_ended() {
    let host = Host::new().await;
    let childhood = json!({ "id": 2, "sleeps": 500, "tells": null });
    let acts = json!({ "each": [{ "child": [childhood, false] }, { "signals": ["stop", 1] }] });
    let parent = host.start("program", program(&acts)).await;
    let child = patiently(async {
        loop {
            let all = runs(&host.engine).await;
            if let Some(child) = all.into_iter().find(|run| *run != parent) {
                break child;
            }
        }
    })
    .await;
    // It is left out, so it hears nothing.
    let host = host.restart(|config| config.park = [parent].into()).await;
    assert_eq!(host.end(child).await.status, RunStatus::Completed);
    match delete(&host.engine, child).await {
        Err(EngineError::StillNeeded { run, why: KeptFor::Parent(of) }) => {
            assert_eq!((run, of), (child, parent));
        }
        deleted => panic!("{deleted:?}"),
    }
    host.engine.resume(parent, None).await.expect("it is left out");
    host.until(parent, |view| (view.turns > 1).then_some(())).await;
    delete(&host.engine, child).await.expect("its parent has heard");
    let host = host.restart(|_config| {}).await;
    let stop =
        segno_host::engine::NewSignal { name: "stop".into(), payload: "1".into(), key: None };
    host.engine.signal(parent, stop, false).await.expect("it waits for that");
    let output = output(&host.end(parent).await);
    assert_eq!(output["each"][0]["child"][1], json!({ "Ok": 2 }), "{output}");
    delete(&host.engine, parent).await.expect("it has ended");
}

async fn ended(engine: &Engine, workflow: &str, input: &Value) -> RunId {
    let run = engine.start(workflow, raw(input), None).await.expect("it starts").run_id;
    let view = engine.wait(run, Duration::from_secs(60)).await.expect("it is known");
    assert!(view.status.has_ended(), "{view:?}");
    run
}

#[tokio::test]
async fn what_ended_long_ago_is_deleted_and_how_long_is_said_for_all_or_for_a_workflow() {
    let store = Store::in_memory().expect("the store opens");
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let days = |days| Some(Duration::from_millis(days * DAY));
    let engine = engine_at(&store, &clock, |config| {
        config.retention.of.insert("echo".into(), days(40));
        config.retention.of.insert("fails".into(), None);
    })
    .await;
    engine.deploy(segno_tests::basics()).await.expect("the module is good");
    let added = ended(&engine, "add_steps", &json!(3)).await;
    let echo = ended(&engine, "echo", &json!(1)).await;
    let fails = ended(&engine, "fails", &json!("x")).await;
    let sleeps = engine.start("nap", raw(&json!(100 * DAY)), None).await.expect("it starts").run_id;
    clock.advance(Duration::from_millis(29 * DAY));
    let later = ended(&engine, "add_steps", &json!(2)).await;
    assert_eq!(engine.sweep().await.expect("there is room"), Swept::default());
    let mut expected = vec![added, echo, fails, sleeps, later];
    expected.reverse();
    assert_eq!(runs(&engine).await, expected);
    let until = async |expected: &[RunId]| {
        patiently(async {
            while runs(&engine).await != expected {
                // The host looks for them by itself.
                clock.advance(Duration::from_secs(30));
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    clock.advance(Duration::from_millis(DAY));
    until(&[later, sleeps, fails, echo]).await;
    assert_eq!(left(&store, added), Vec::<&str>::new());
    assert!(engine.metrics().contains("segno_runs_deleted_total 1\n"), "{}", engine.metrics());
    clock.advance(Duration::from_millis(29 * DAY));
    until(&[sleeps, fails]).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn what_a_crash_left_of_a_run_that_was_deleted_goes_with_the_next_host() {
    let store = Store::in_memory().expect("the store opens");
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let engine = engine_at(&store, &clock, |_config| {}).await;
    engine.deploy(segno_tests::basics()).await.expect("the module is good");
    let run = ended(&engine, "add_steps", &json!(400)).await;
    engine.shutdown().await;
    // As it is after the first commit of a deletion.
    let record = store.run(run).expect("it can be read").expect("it is there");
    let draft = segno_host::store::Draft::nothing();
    let room = &mut segno_host::store::Room::default();
    let draft = draft.without_run(&store, (run, &record), room).expect("it can be read");
    let (committer, thread) = segno_host::store::Committer::start(store.clone()).expect("a thread");
    committer.submit(draft, |written| assert!(written.is_ok(), "there is room"));
    committer.stop();
    thread.join().expect("it stops");
    assert!(left(&store, run).contains(&"turns"), "400 steps are many rows");
    store.check(&mut |what| panic!("{what}")).expect("it can be read");
    let engine = engine_at(&store, &clock, |config| config.retention.all = None).await;
    patiently(async {
        while !left(&store, run).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    engine.shutdown().await;
}
