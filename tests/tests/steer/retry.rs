//! Trying failed runs again, from where each failed.

use std::path::PathBuf;
use std::time::Duration;

use segno_host::engine::{
    Asker, EngineError, HistoryEntry, HistoryEvent, ImageTurns, NewRun, RunStatus, RunView, Times,
};
use segno_journal::RunId;
use segno_tests::{Host, basics, edition, output, raw, rogue};
use serde_json::json;
use tempfile::TempDir;

/// A file that is not there yet.
struct Needed(TempDir);

impl Needed {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("needed")
    }

    fn make(&self) {
        std::fs::write(self.path(), "").expect("it can be written");
    }
}

async fn retry(host: &Host, run: RunId) -> Result<RunView, EngineError> {
    host.engine.retry_by(run, None, None, Asker::named("ops")).await
}

async fn history(host: &Host, run: RunId) -> Vec<HistoryEntry> {
    host.engine.history(run, 0, 1_000).await.expect("the run is known").events
}

fn count(history: &[HistoryEntry], is_it: impl Fn(&HistoryEvent) -> bool) -> usize {
    history.iter().filter(|entry| is_it(&entry.event)).count()
}

/// Why a run cannot be tried again.
fn reason(refused: Result<RunView, EngineError>) -> String {
    match refused {
        Err(EngineError::CannotRetry { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_failed_run_goes_on_from_where_it_failed_with_new_attempts_of_the_same_step() {
    let needed = Needed::new();
    let host = Host::new().await;
    let failed = host.run("needs_file", json!(needed.path())).await;
    let run = failed.run_id;
    assert_eq!(failed.status, RunStatus::Failed);
    // Nothing is mended: it fails again, and what it had is set aside all the same.
    retry(&host, run).await.expect("it has failed");
    assert_eq!(host.end(run).await.status, RunStatus::Failed);
    needed.make();
    let host = host.restart(|_config| {}).await;
    retry(&host, run).await.expect("it has failed");
    let ended = host.end(run).await;
    assert_eq!(output(&ended), json!(["before", format!("{run}:1"), "after"]), "the same step");
    let told = history(&host, run).await;
    let asked = |event: &HistoryEvent| matches!(event, HistoryEvent::StepStarted { .. });
    assert_eq!(count(&told, asked), 3, "no step was asked for again: {told:?}");
    let retried = told.iter().filter_map(|entry| match &entry.event {
        HistoryEvent::RunRetried { by, set_aside, turns, steps } => {
            Some((by.as_deref(), *set_aside, *turns, steps.clone()))
        }
        _ => None,
    });
    let expected = [(Some("ops"), 1, 1, vec![1]), (Some("ops"), 2, 1, vec![1])];
    assert_eq!(retried.collect::<Vec<_>>(), expected);
    for number in [1, 2] {
        let aside = host.engine.set_aside(run, number, 0, 100).await.expect("it is kept");
        let failed = |event: &HistoryEvent| matches!(event, HistoryEvent::RunFailed { .. });
        assert_eq!((count(&aside.events, failed), aside.next), (1, None), "{:?}", aside.events);
    }
    let none = host.engine.set_aside(run, 3, 0, 100).await.expect("the run is known");
    assert_eq!(none.events, []);
}

#[tokio::test]
async fn what_is_no_failure_or_cannot_be_taken_back_is_refused_with_what_to_do() {
    let host = Host::new().await;
    let done = host.run("add_steps", json!(1)).await.run_id;
    let refused = retry(&host, done).await;
    assert!(matches!(refused, Err(EngineError::NotFailed(of)) if of == done), "{refused:?}");
    let first = host.run("fails", json!("no")).await.run_id;
    assert!(reason(retry(&host, first).await).contains("`run-again`"));
    let undo = json!({ "undo": [{ "id": 1, "fails": 0, "how": "error" }, false] });
    let fatal = json!({ "step": { "id": 2, "fails": 9, "how": "fatal" } });
    let saga = json!({ "webhooks": [], "act": { "each": [undo, fatal] }, "strict": true });
    let undone = host.run("program", saga).await;
    assert_eq!(undone.status, RunStatus::Failed);
    assert!(reason(retry(&host, undone.run_id).await).contains("compensations have run"));
    let needed = Needed::new();
    let run = host.run("needs_file", json!(needed.path())).await.run_id;
    let far = host.engine.retry_by(run, Some(9), None, Asker::unknown()).await;
    assert!(reason(far).contains("no turn 9"));
    let view = host.engine.run(run).await.expect("it is known");
    assert_eq!((view.status, view.turns), (RunStatus::Failed, 3), "nothing has changed");
}

#[tokio::test]
async fn a_run_goes_on_on_other_code_only_where_that_does_the_same_for_what_is_kept() {
    let needed = Needed::new();
    let host = Host::new().await;
    let failed = host.run("needs_file", json!(needed.path())).await;
    let run = failed.run_id;
    needed.make();
    let foreign = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let moved = host.engine.retry_by(run, None, Some(foreign), Asker::unknown()).await;
    assert!(matches!(moved, Err(EngineError::DoesNotFit { .. })), "{moved:?}");
    assert_eq!(host.engine.run(run).await.expect("it is known").status, RunStatus::Failed);
    // The module that it was on is gone, since nothing that goes on needs it.
    let other = host.engine.deploy(edition(1)).await.expect("the module is good").digest;
    assert!(reason(retry(&host, run).await).contains("not kept any more"));
    let moved = host.engine.retry_by(run, None, Some(other.clone()), Asker::unknown()).await;
    assert_eq!(moved.expect("it does the same").module, other);
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
    let back = host.engine.deploy(basics()).await.expect("the module is good").digest;
    assert_ne!(back, other);
}

#[tokio::test]
async fn a_run_goes_back_to_an_earlier_turn_where_one_is_given() {
    let needed = Needed::new();
    let host = Host::new().await;
    let run = host.run("needs_file", json!(needed.path())).await.run_id;
    needed.make();
    let retried = host.engine.retry_by(run, Some(1), None, Asker::unknown()).await;
    retried.expect("it has had a turn 1");
    let ended = host.end(run).await;
    // What the first step gave comes again. The other one is asked for again, under an ID of its own.
    assert_eq!(output(&ended), json!(["before", format!("{run}:2"), "after"]));
}

#[tokio::test]
async fn a_run_that_took_too_long_has_its_time_again() {
    let host = Host::new().await;
    let times = Times { timeout: Some(Duration::from_millis(50)), ..Times::default() };
    let new = NewRun { times, ..NewRun::default() };
    let signals = json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false });
    let started = host.engine.start_with("program", raw(&signals), new).await;
    let run = started.expect("it is a program").run_id;
    let failed = host.end(run).await;
    assert_eq!(failed.status, RunStatus::Failed);
    let view = retry(&host, run).await.expect("it has failed");
    assert!(view.times_out_at > failed.times_out_at, "{view:?}");
    let again = host.end(run).await;
    assert!(again.error.expect("it has failed again").contains("time-out of 50 ms"));
}

#[tokio::test]
async fn a_run_of_which_only_the_last_turns_are_kept_goes_back_by_its_images() {
    let needed = Needed::new();
    let image_turns = ImageTurns { live: 8, let_go: 4, apart: 2 };
    let host = Host::with(|config| config.image_turns = image_turns).await;
    let run = host.run("needs_file_kept", json!([needed.path(), 100])).await.run_id;
    needed.make();
    let host = host.restart(|config| config.image_turns = image_turns).await;
    let told = history(&host, run).await;
    assert!(told.iter().all(|entry| entry.turn != 1), "turns were forgotten: {told:?}");
    retry(&host, run).await.expect("it has failed");
    let ended = host.end(run).await;
    assert_eq!(output(&ended), json!(100));
}
