//! Cancelling runs that have something to undo.

use std::time::Duration;

use segno_host::engine::{Asker, CancelHow, HistoryEvent, NewSignal, RunStatus, RunView};
use segno_journal::RunId;
use segno_tests::Host;
use serde_json::{Value, json};

/// Longer than any test.
const DAY: u64 = 86_400_000;

fn within(within: Duration) -> CancelHow {
    CancelHow { kill: false, within }
}

/// Registers that a step of this number undoes something; some of its attempts fail, in this way.
fn undo(id: u64, fails: u32, how: &Value) -> Value {
    json!({ "undo": [{ "id": id, "fails": fails, "how": how }, false] })
}

fn step(id: u64, fails: u32, how: &Value) -> Value {
    json!({ "step": { "id": id, "fails": fails, "how": how } })
}

/// A program that does one thing after the other; a strict one fails if a step of it does.
fn program(acts: &[Value], strict: bool) -> Value {
    json!({ "webhooks": [], "act": { "each": acts }, "strict": strict })
}

/// The run, once so many compensations are registered.
async fn registered(host: &Host, run: RunId, count: usize) -> RunView {
    host.until(run, |view| {
        let cleanup = view.cleanup.as_ref()?;
        (cleanup.compensations.len() == count).then(|| view.clone())
    })
    .await
}

/// What the history says of the end of a run, in words.
async fn told(host: &Host, run: RunId) -> Vec<String> {
    use HistoryEvent as E;
    let history = host.engine.history(run, 0, 1_000).await.expect("the run is known");
    let told = history.events.into_iter().filter_map(|entry| match entry.event {
        E::RunCancelling { by, error, within_ms: _ } => Some(format!("told by {by:?} {error:?}")),
        E::CleanupStarted { error } => Some(format!("cleans up {error:?}")),
        E::CompensationStarted { op } => Some(format!("undoes {op}")),
        E::CompensationCompleted { op } => Some(format!("undid {op}")),
        E::CompensationFailed { op, error } => Some(format!("could not undo {op}: {error}")),
        E::RunCancelled { by } => Some(format!("cancelled {by:?}")),
        E::RunFailed { error, .. } => Some(format!("failed: {error}")),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn a_run_that_is_cancelled_undoes_what_it_did_last_first_and_is_cancelled_then() {
    let host = Host::new().await;
    let ok = json!("error");
    let acts = [undo(1, 0, &ok), undo(2, 0, &ok), json!({ "sleep": DAY })];
    let run = host.start("program", program(&acts, false)).await;
    let view = registered(&host, run, 2).await;
    let cleanup = view.cleanup.expect("it would undo something");
    assert_eq!((cleanup.told_at, cleanup.since, cleanup.shielded), (None, None, false));
    let cancelled = host.engine.cancel_by(run, CancelHow::default(), Asker::named("ops")).await;
    let view = cancelled.expect("it sleeps");
    assert!(
        view.status == RunStatus::Cancelled || view.cleanup.is_some_and(|it| it.told_at.is_some())
    );
    let view = host.end(run).await;
    assert_eq!((view.status, view.cleanup), (RunStatus::Cancelled, None));
    let expected = [
        "told by Some(\"ops\") None",
        "cleans up None",
        "undoes 1",
        "undid 1",
        "undoes 0",
        "undid 0",
        "cancelled None",
    ];
    assert_eq!(told(&host, run).await, expected);
    let again = host.engine.cancel(run).await.expect("it is cancelled");
    assert_eq!(again.status, RunStatus::Cancelled);
}

#[tokio::test]
async fn a_run_that_has_nothing_to_undo_ends_at_once() {
    let host = Host::new().await;
    let kept = json!({ "undo": [{ "id": 1, "fails": 0, "how": "error" }, true] });
    let run = host.start("program", program(&[kept, json!({ "sleep": DAY })], false)).await;
    host.until(run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    let view = host.engine.cancel(run).await.expect("it sleeps");
    assert_eq!((view.status, view.cleanup), (RunStatus::Cancelled, None));
}

#[tokio::test]
async fn a_second_cancel_changes_nothing_and_a_kill_ends_a_run_that_cleans_up() {
    let host = Host::new().await;
    let later = json!({ "later": DAY });
    let acts = [undo(1, 1, &later), json!({ "sleep": DAY })];
    let run = host.start("program", program(&acts, false)).await;
    registered(&host, run, 1).await;
    let first = host.engine.cancel(run).await.expect("it sleeps").cleanup.expect("it cleans up");
    for _ in 0..3 {
        let view = host.engine.cancel(run).await.expect("it cleans up");
        let cleanup = view.cleanup.expect("it cleans up still");
        assert_eq!(view.status, RunStatus::Running);
        assert_eq!((cleanup.told_at, cleanup.until), (first.told_at, first.until));
    }
    let host = host.restart(|_config| {}).await;
    let view = host.engine.run(run).await.expect("it is known");
    let cleanup = view.cleanup.expect("a restart does not keep it from cleaning up");
    assert_eq!((cleanup.told_at, cleanup.until), (first.told_at, first.until));
    let killed = host.engine.cancel_by(run, CancelHow::KILL, Asker::named("ops")).await;
    assert_eq!(killed.expect("it has not ended").status, RunStatus::Cancelled);
    let told = told(&host, run).await;
    assert_eq!(told.first().map(String::as_str), Some("told by None None"));
    assert_eq!(told.last().map(String::as_str), Some("cancelled Some(\"ops\")"));
}

#[tokio::test]
async fn a_run_that_does_not_clean_up_in_time_has_failed_and_says_what_is_not_undone() {
    let host = Host::new().await;
    let later = json!({ "later": DAY });
    let acts = [undo(1, 1, &later), json!({ "sleep": DAY })];
    let run = host.start("program", program(&acts, false)).await;
    registered(&host, run, 1).await;
    let how = within(Duration::from_secs(1));
    host.engine.cancel_by(run, how, Asker::unknown()).await.expect("it sleeps");
    // A host that comes back keeps the time.
    let host = host.restart(|_config| {}).await;
    let view = host.end(run).await;
    let error = "the run was cancelled, but did not clean up within 1 s; not undone: `undo`";
    assert_eq!((view.status, view.error.as_deref()), (RunStatus::Failed, Some(error)));
}

#[tokio::test]
async fn a_run_that_fails_undoes_what_it_did_and_a_compensation_that_fails_is_named() {
    let host = Host::new().await;
    let (ok, fatal) = (json!("error"), json!("fatal"));
    let acts = [undo(1, 0, &ok), undo(2, 1, &fatal), step(3, 1, &fatal)];
    let view = host.run("program", program(&acts, true)).await;
    assert_eq!(view.status, RunStatus::Failed);
    let error = view.error.expect("it failed");
    assert!(error.starts_with("a step failed; and compensation `undo` failed: "), "{error}");
    let told = told(&host, view.run_id).await;
    assert_eq!(told[..2], ["cleans up Some(\"a step failed\")", "undoes 1"]);
    assert!(told[2].starts_with("could not undo 1: "), "{told:?}");
    assert_eq!(told[3..5], ["undoes 0", "undid 0"], "one that fails keeps the others from nothing");
}

#[tokio::test]
async fn what_is_shielded_comes_to_its_end_before_a_run_cleans_up() {
    let host = Host::new().await;
    let ok = json!("error");
    let later = json!({ "later": 300 });
    let shield = json!({ "shield": { "each": [step(1, 1, &later), undo(2, 0, &ok)] } });
    let run = host.start("program", program(&[shield, step(3, 0, &ok)], false)).await;
    let shielded = |view: &RunView| view.cleanup.as_ref().filter(|it| it.shielded).map(drop);
    host.until(run, shielded).await;
    host.engine.cancel(run).await.expect("it is amid something");
    assert_eq!(host.end(run).await.status, RunStatus::Cancelled);
    let expected = ["told by None None", "cleans up None", "undoes 2", "undid 2", "cancelled None"];
    assert_eq!(told(&host, run).await, expected);
}

#[tokio::test]
async fn a_blocked_run_keeps_the_cancel_until_it_goes_on_and_a_kill_ends_it() {
    let host = Host::new().await;
    let run = host.start("undoes_and_panics", json!(null)).await;
    registered(&host, run, 1).await;
    let payload = "null".to_owned();
    let signal = NewSignal { name: "panic".into(), payload, key: None };
    host.engine.signal(run, signal, false).await.expect("it is stored");
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    for _ in 0..2 {
        let view = host.engine.cancel(run).await.expect("it is kept");
        assert_eq!(view.status, RunStatus::Blocked);
    }
    let host = host.restart(|_config| {}).await;
    let view = host.engine.cancel_by(run, CancelHow::KILL, Asker::unknown()).await;
    assert_eq!(view.expect("it has not ended").status, RunStatus::Cancelled);
    assert_eq!(told(&host, run).await, ["cancelled None"]);
}
