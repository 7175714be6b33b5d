//! Batches: starts and signals that are all stored, or none of them.

use segno_host::engine::{
    Asker, BATCHED, EngineError, NewBatch, NewRun, NewSignal, RunFilter, RunStatus, StartInBatch,
};
use segno_host::store::{Committer, Draft, HeldEvent, Posted, Store};
use segno_journal::{Event, RunId, Signal, Timestamp};
use segno_tests::{Host, output, patiently, raw};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{keyed, listens, signal};

fn start(workflow: &str, input: &Value) -> StartInBatch {
    StartInBatch { workflow: workflow.to_owned(), input: raw(input), new: NewRun::default() }
}

fn start_keyed(workflow: &str, input: &Value, key: &str) -> StartInBatch {
    let new = NewRun { key: Some(key.to_owned()), ..NewRun::default() };
    StartInBatch { new, ..start(workflow, input) }
}

fn batch(starts: Vec<StartInBatch>, signals: Vec<(RunId, NewSignal)>) -> NewBatch {
    NewBatch { key: None, starts, signals }
}

/// How many runs there are.
async fn runs(host: &Host) -> usize {
    let filter = RunFilter { limit: 1_000, ..RunFilter::default() };
    host.engine.runs(filter).await.expect("they can be listed").runs.len()
}

/// Has a run of `mailbox` return what it was sent, with as many more notes as it takes
/// behind that; it has had so many turns.
async fn taken(host: &Host, run: RunId, turns: u64) -> Value {
    host.until(run, |view| (view.turns == turns).then_some(())).await;
    for _ in 0..4_u64.saturating_sub(turns) {
        host.engine.signal(run, signal("note", &json!("end")), false).await.expect("it has room");
    }
    host.engine.wake_by(run, None, Asker::unknown()).await.expect("it sleeps");
    output(&host.end(run).await)
}

/// What was wrong with which part.
fn refused(answer: Result<segno_host::engine::Batched, EngineError>) -> (String, EngineError) {
    match answer.expect_err("it is refused") {
        EngineError::InBatch { part, error } => (part, *error),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn all_of_a_batch_happens() {
    let host = Host::new().await;
    let run = host.start("mailbox", json!(600_000)).await;
    let with_signal = StartInBatch {
        new: NewRun { signals: vec![signal("note", &json!("first")); 3], ..NewRun::default() },
        ..start("mailbox", &json!(1))
    };
    let signals = ["a", "b", "c"].map(|note| (run, signal("note", &json!(note)))).to_vec();
    let starts = vec![start("echo", &json!(7)), with_signal];
    let stored = host.engine.batch(batch(starts, signals)).await.expect("it is stored");
    assert!(stored.created && stored.starts.iter().all(|start| start.created));
    let [echo, mailbox] = [0, 1].map(|number: usize| stored.starts[number].run_id);
    assert_eq!(output(&host.end(echo).await), json!(7));
    assert_eq!(output(&host.end(mailbox).await), json!(["first", "first", "first"]));
    assert_eq!(taken(&host, run, 4).await, json!(["a", "b", "c"]));
}

#[tokio::test]
async fn of_a_batch_with_one_part_that_cannot_be_nothing_is_stored() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    listens(&host, run, "never").await;
    let ended = host.start("echo", json!(1)).await;
    host.end(ended).await;
    let stranger = RunId::from_parts(Timestamp(1), 1);
    let good = || (run, signal("other", &json!(1)));
    let parts = |starts, signals| host.engine.batch(batch(starts, signals));
    let echo = || start("echo", &json!(1));

    let (part, error) = refused(parts(vec![echo()], vec![good(), (ended, good().1)]).await);
    assert!(matches!(error, EngineError::SignalTooLate(of) if of == ended), "{part}: {error}");
    assert_eq!(part, "signals[1]");
    let (part, error) = refused(parts(vec![echo()], vec![(stranger, good().1), good()]).await);
    assert!(matches!(error, EngineError::UnknownRun(of) if of == stranger), "{part}: {error}");
    let (part, error) = refused(parts(vec![echo(), start("no", &json!(1))], vec![good()]).await);
    assert!(matches!(error, EngineError::UnknownWorkflow { .. }), "{part}: {error}");
    assert_eq!(part, "starts[1]");
    let twice = vec![start_keyed("echo", &json!(1), "k"), start_keyed("echo", &json!(1), "k")];
    let (part, error) = refused(parts(twice, vec![good()]).await);
    assert!(matches!(error, EngineError::SameKey), "{part}: {error}");
    let keyed = |name: &str| (run, keyed(name, &json!(1), "k"));
    let (part, error) =
        refused(parts(vec![echo()], vec![keyed("a"), keyed("a"), keyed("b")]).await);
    assert!(matches!(error, EngineError::OtherSignal(of) if of == run), "{part}: {error}");
    assert_eq!(part, "signals[2]");
    let bad_name = vec![good(), (run, signal("", &json!(1)))];
    let (part, error) = refused(parts(vec![echo()], bad_name).await);
    assert!(matches!(error, EngineError::BadWord { .. }), "{part}: {error}");

    let many = vec![good(); BATCHED + 1];
    for count in [vec![], many] {
        let refused = parts(vec![], count).await.expect_err("it is refused");
        assert!(matches!(refused, EngineError::BadBatch { .. }), "{refused}");
    }
    assert_eq!(runs(&host).await, 2);
    assert_eq!(host.engine.run(run).await.expect("it is known").turns, 1);
}

#[tokio::test]
async fn a_batch_with_more_than_a_run_has_room_for_is_refused_whole() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    let other = host.start("deaf", json!(null)).await;
    for _ in 0..600 {
        let sent = host.engine.signal(run, signal("other", &json!(1)), false).await;
        sent.expect("there is room");
    }
    let mut signals = vec![(other, signal("other", &json!(1)))];
    signals.extend(vec![(run, signal("other", &json!(1))); 401]);
    let (part, error) = refused(host.engine.batch(batch(vec![], signals.clone())).await);
    assert!(matches!(error, EngineError::InboxFull), "{error}");
    assert_eq!(part, "signals[401]");
    signals.pop();
    host.engine.batch(batch(vec![], signals)).await.expect("so many fit");
    host.until(run, |view| (view.turns == 1_001).then_some(())).await;
    let large = signal("note", &json!("x".repeat(1 << 20)));
    let new = NewRun { signals: vec![large; 8], ..NewRun::default() };
    let too_large = StartInBatch { new, ..start("deaf", &json!(null)) };
    let (_, error) = refused(host.engine.batch(batch(vec![too_large], vec![])).await);
    assert!(matches!(error, EngineError::TooLarge { .. }), "{error}");
    let large = (other, signal("note", &json!("x".repeat(1 << 20))));
    let (part, error) = refused(host.engine.batch(batch(vec![], vec![large.clone(); 8])).await);
    assert!(matches!(error, EngineError::TooLarge { .. }), "{part}: {error}");
    host.engine.batch(batch(vec![], vec![large.clone(); 5])).await.expect("so much fits");
    let (part, error) = refused(host.engine.batch(batch(vec![], vec![large; 3])).await);
    assert!(matches!(error, EngineError::InboxFull), "{error}");
    assert_eq!(part, "signals[2]");
    host.until(other, |view| (view.turns == 7).then_some(())).await;
}

#[tokio::test]
async fn a_batch_that_is_sent_again_with_its_key_is_stored_once() {
    let host = Host::new().await;
    let run = host.start("mailbox", json!(600_000)).await;
    let sent = |note: &str| NewBatch {
        key: Some("b1".to_owned()),
        ..batch(
            vec![start("echo", &json!({ "b": 1, "a": 2 }))],
            vec![(run, signal("note", &json!(note)))],
        )
    };
    let first = host.engine.batch(sent("x")).await.expect("it is stored");
    let mut again = sent("x");
    again.starts[0].input = raw(&json!({ "a": 2, "b": 1 }));
    let again = host.engine.batch(again).await.expect("it is known");
    assert!(!again.created && !again.starts[0].created);
    assert_eq!(again.starts[0].run_id, first.starts[0].run_id);
    let other = host.engine.batch(sent("y")).await.expect_err("it is another one");
    assert!(matches!(other, EngineError::OtherBatch), "{other}");
    let host = host.restart(|_config| {}).await;
    let again = host.engine.batch(sent("x")).await.expect("it is known after a restart, too");
    assert_eq!(again.starts[0].run_id, first.starts[0].run_id);
    assert_eq!(taken(&host, run, 2).await, json!(["x", "end", "end"]));
    assert_eq!(runs(&host).await, 2);
}

#[tokio::test]
async fn of_a_batch_that_comes_a_hundred_times_at_once_one_is_stored() {
    let host = Host::new().await;
    let one = || async {
        let starts = (0..3).map(|number| start("echo", &json!(number))).collect();
        host.engine.batch(NewBatch { key: Some("b".to_owned()), ..batch(starts, vec![]) }).await
    };
    let answers = futures::future::join_all((0..100).map(|_| one())).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("it is one")).collect();
    assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
    let runs_of = |answer: &segno_host::engine::Batched| {
        answer.starts.iter().map(|start| start.run_id).collect::<Vec<_>>()
    };
    let runs_of: Vec<_> = answers.iter().map(runs_of).collect();
    assert!(runs_of.iter().all(|runs| *runs == runs_of[0]), "{runs_of:?}");
    assert_eq!(runs(&host).await, 3);
}

#[tokio::test]
async fn a_start_of_a_batch_with_a_key_that_is_known_is_the_run_of_that_key() {
    let host = Host::new().await;
    let new = NewRun { key: Some("k".to_owned()), ..NewRun::default() };
    let before = host.engine.start_with("mailbox", raw(&json!(600_000)), new).await;
    let before = before.expect("it is started").run_id;
    let known = |input: u32| {
        let mut start = start_keyed("mailbox", &json!(input), "k");
        start.new.signals = vec![keyed("note", &json!("x"), "once")];
        start
    };
    for _ in 0..2 {
        let starts = vec![known(600_000), start("echo", &json!(1))];
        let stored = host.engine.batch(batch(starts, vec![])).await.expect("it is stored");
        assert_eq!((stored.starts[0].run_id, stored.starts[0].created), (before, false));
        assert!(stored.created && stored.starts[1].created);
    }
    let (part, error) = refused(host.engine.batch(batch(vec![known(1)], vec![])).await);
    assert!(matches!(error, EngineError::OtherInput(of) if of == before), "{part}: {error}");
    let taken = taken(&host, before, 2).await;
    assert_eq!(taken, json!(["x", "end", "end"]), "the signal has a key");
}

#[tokio::test]
async fn of_starts_with_one_key_at_once_one_is_a_run_and_nothing_is_left_of_the_others() {
    let host = Host::new().await;
    let one = || async {
        let new = NewRun {
            key: Some("k".to_owned()),
            signals: vec![keyed("note", &json!("x"), "once")],
            ..NewRun::default()
        };
        host.engine.start_with("mailbox", raw(&json!(600_000)), new).await
    };
    let started = futures::future::join_all((0..100).map(|_| one())).await;
    let started: Vec<_> = started.into_iter().map(|one| one.expect("it is one")).collect();
    let run = started[0].run_id;
    assert!(started.iter().all(|one| one.run_id == run), "{started:?}");
    assert_eq!(started.iter().filter(|one| one.created).count(), 1);
    assert_eq!(runs(&host).await, 1);
    // What was undone is no run of the host any more.
    patiently(async {
        while !host.engine.metrics().contains("segno_runs_unfinished 1\n") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    host.until(run, |view| (view.turns == 2).then_some(())).await;
}

#[tokio::test]
async fn an_input_of_a_batch_that_its_workflow_cannot_take_is_a_run_that_failed() {
    let host = Host::new().await;
    let stored = host.engine.batch(batch(vec![start("add_steps", &json!(-1))], vec![])).await;
    let run = stored.expect("it is stored").starts[0].run_id;
    let view = host.end(run).await;
    assert_eq!(view.status, RunStatus::Failed, "{view:?}");
    assert!(view.error.as_deref().is_some_and(|error| error.contains("does not fit")), "{view:?}");
}

#[tokio::test]
async fn a_signal_of_a_batch_to_a_blocked_run_comes_when_that_goes_on() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 2_000_000_000).await;
    let run = host.start("mailbox", json!(600_000)).await;
    let host = host.restart(|config| config.limits.fuel_per_turn = 1_000).await;
    let sent = ["a", "b", "c"].map(|note| (run, signal("note", &json!(note)))).to_vec();
    host.engine.batch(batch(vec![], sent)).await.expect("it is stored");
    host.until(run, |view| (view.status == RunStatus::Blocked).then_some(())).await;
    let host = host.restart(|config| config.limits.fuel_per_turn = 2_000_000_000).await;
    assert_eq!(taken(&host, run, 4).await, json!(["a", "b", "c"]));
}

#[tokio::test]
async fn a_signal_of_a_batch_that_a_crash_left_lying_comes_when_its_run_can_take_it() {
    let host = Host::new().await;
    let run = host.start("mailbox", json!(600_000)).await;
    let directory = host.stop().await;
    let lying = |run, number| Posted { run, batch: [7; 16], number };
    lay(&directory, &[lying(run, 0), lying(run, 1)]).await;
    let host = Host::reopen(directory, |config| config.park = [run].into()).await;
    let left = host.engine.batch(batch(vec![], vec![(run, signal("note", &json!(1)))])).await;
    assert!(matches!(refused(left).1, EngineError::LeftOut));
    assert_eq!(host.engine.run(run).await.expect("it is known").turns, 1);
    host.engine.resume(run, None).await.expect("it was left out");
    assert_eq!(taken(&host, run, 3).await, json!(["note 0", "note 1", "end"]));
    let directory = host.stop().await;
    let store = Store::open(directory.path()).expect("the store opens");
    assert_eq!(store.all_posted().expect("it can be read"), []);
}

#[tokio::test]
async fn starts_with_one_key_that_are_blocked_at_once_are_one_blocked_run() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 1_000).await;
    let one = || async {
        let new = NewRun { key: Some("k".to_owned()), ..NewRun::default() };
        host.engine.start_with("mailbox", raw(&json!(1)), new).await
    };
    let started = futures::future::join_all((0..50).map(|_| one())).await;
    let started: Vec<_> = started.into_iter().map(|one| one.expect("it is one")).collect();
    assert!(started.iter().all(|one| one.run_id == started[0].run_id), "{started:?}");
    patiently(async {
        while !host.engine.metrics().contains("segno_runs_blocked{kind=\"limit\"} 1\n") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Lays signals for runs as a batch does, without a host.
async fn lay(directory: &TempDir, signals: &[Posted]) {
    let store = Store::open(directory.path()).expect("the store opens");
    let (committer, thread) = Committer::start(store).expect("there is a thread");
    for posted in signals {
        let (number, at) = (0, Timestamp(1));
        let payload = json!(format!("note {}", posted.number)).to_string();
        let signal = Signal { number, name: "note".to_owned(), payload, key: None };
        let held = HeldEvent { at, event: Event::Signalled { signal } };
        committer.submit(Draft::nothing().with_posted(posted, &held), |written| {
            written.expect("the run has not ended");
        });
    }
    committer.flush().expect("there is room");
    committer.stop();
    drop(committer);
    thread.join().expect("it ends");
}

#[tokio::test]
async fn of_a_blocked_run_whose_line_is_longer_than_it_may_be_a_known_signal_is_no_news() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 2_000_000_000).await;
    let run = host.start("mailbox", json!(600_000)).await;
    let host = host.restart(|config| config.limits.fuel_per_turn = 1_000).await;
    let sent = |from: usize| {
        let keyed = |number| (run, keyed("note", &json!("x"), &format!("key {number}")));
        host.engine.batch(batch(vec![], (from..from + 600).map(keyed).collect()))
    };
    // Each finds room before the other one has come.
    let (first, second) = futures::join!(sent(0), sent(600));
    assert!(first.is_ok() || second.is_ok());
    host.until(run, |view| (view.status == RunStatus::Blocked).then_some(())).await;
    let known = if first.is_ok() { 7 } else { 607 };
    let again = vec![(run, keyed("note", &json!("x"), &format!("key {known}")))];
    host.engine.batch(batch(vec![], again)).await.expect("it brings nothing new");
    let more = vec![(run, signal("note", &json!("x"))); 401];
    let (part, error) = refused(host.engine.batch(batch(vec![], more)).await);
    assert!(matches!(error, EngineError::InboxFull), "{part}: {error}");
}
