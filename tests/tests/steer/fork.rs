//! Forking runs: new ones that have the turns of old ones up to some turn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use segno_host::engine::{
    Asker, AttributeView, EngineError, HistoryEvent, ImageTurns, NewFork, NewRun, NewSignal,
    RunFilter, RunStatus, Times,
};
use segno_journal::{AttributeValue, Op, RunId};
use segno_tests::{Host, basics, edition, output, raw, rogue};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Files of which one is there, and another one is not.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().expect("a temporary directory"));
        std::fs::write(files.there(), "").expect("it can be written");
        files
    }

    fn missing(&self) -> PathBuf {
        self.0.path().join("missing")
    }

    fn there(&self) -> PathBuf {
        self.0.path().join("there")
    }
}

async fn fork(host: &Host, run: RunId, new: NewFork) -> RunId {
    let started = host.engine.fork(run, new).await.expect("it can be forked");
    assert!(started.created && started.run_id != run, "{started:?}");
    started.run_id
}

/// Why a run cannot be forked.
async fn reason(host: &Host, run: RunId, new: NewFork) -> String {
    match host.engine.fork(run, new).await {
        Err(EngineError::CannotFork { run: of, reason }) if of == run => reason,
        other => panic!("{other:?}"),
    }
}

fn at(turn: u64) -> NewFork {
    NewFork { turn: Some(turn), ..NewFork::default() }
}

/// As it is asked for, and this step is given another path.
fn with_path(op: u64, path: &Path, new: NewFork) -> NewFork {
    let inputs = BTreeMap::from([(Op(op), json!({ "path": path }).to_string())]);
    NewFork { inputs, by: Asker::named("ops"), ..new }
}

async fn events(host: &Host, run: RunId) -> Vec<HistoryEvent> {
    let page = host.engine.history(run, 0, 1_000).await.expect("the run is known");
    page.events.into_iter().map(|entry| entry.event).collect()
}

#[tokio::test]
async fn a_fork_of_a_failed_run_gives_the_failed_step_another_input_and_does_nothing_twice() {
    let files = Files::new();
    let host = Host::new().await;
    let failed = host.run("needs_file", json!(files.missing())).await.run_id;
    let run = fork(&host, failed, with_path(1, &files.there(), NewFork::default())).await;
    let ended = host.end(run).await;
    assert_eq!(output(&ended), json!(["before", format!("{run}:1"), "after"]), "a step of its own");
    let from = ended.forked_from.expect("it is a fork");
    assert_eq!((from.run_id, from.turn), (failed, 2));
    let told = events(&host, run).await;
    let asked = told.iter().filter_map(|event| match event {
        HistoryEvent::StepStarted { step_id, .. } => Some(step_id.clone()),
        _ => None,
    });
    let expected = [format!("{failed}:0"), format!("{failed}:1"), format!("{run}:2")];
    assert_eq!(asked.collect::<Vec<_>>(), expected, "as whose step each was asked for");
    let forked = told.iter().find_map(|event| match event {
        HistoryEvent::RunForked { by, from, inputs, steps } => {
            Some((by.as_deref(), *from, inputs.len(), steps.clone()))
        }
        _ => None,
    });
    assert_eq!(forked, Some((Some("ops"), failed, 1, vec![1])));
    let before = host.engine.run(failed).await.expect("it is kept");
    assert_eq!((before.status, before.turns), (RunStatus::Failed, 3), "it hears nothing of it");
}

/// What `around` returned: what it saw before and after, the step, and its child.
fn around(seen: &Value) -> [(Value, Value); 2] {
    ["before", "after"].map(|side| (seen[side]["run"].clone(), seen[side]["random"].clone()))
}

#[tokio::test]
async fn a_fork_is_another_run_from_there_on_also_when_it_is_replayed() {
    let files = Files::new();
    let host = Host::new().await;
    let path = json!(files.missing());
    let failed = host.run("around", path).await;
    let of = failed.run_id;
    // The first fork fails as well, is replayed after a restart, and is forked in turn.
    let fails = fork(&host, of, NewFork::default()).await;
    assert_eq!(host.end(fails).await.status, RunStatus::Failed);
    let host = host.restart(|_config| {}).await;
    let mut seen = Vec::new();
    for of in [of, fails, fails] {
        let run = fork(&host, of, with_path(0, &files.there(), NewFork::default())).await;
        let ended = host.end(run).await;
        let [before, after] = around(&output(&ended));
        assert_eq!(before.0["id"], json!(failed.run_id), "it was that one");
        assert_eq!(
            (after.0["id"].clone(), &after.0["started_at"]),
            (json!(run), &before.0["started_at"])
        );
        let value = AttributeValue::Text("after".into());
        assert_eq!(ended.attributes, [("state".to_owned(), AttributeView(value))].into());
        seen.push((before.1, after.1, output(&ended)["child"].clone()));
    }
    assert!(seen.iter().all(|(before, ..)| *before == seen[0].0), "it was drawn once: {seen:?}");
    for other in 1..3 {
        assert_ne!(seen[0].1, seen[other].1, "each draws its own numbers");
        assert_ne!(seen[0].2, seen[other].2, "and names its own children");
    }
    assert_ne!(seen[1].1, seen[2].1);
}

async fn signal(host: &Host, run: RunId, payload: Value) {
    let signal = NewSignal { name: HEARD.into(), payload: raw(&payload).get().into(), key: None };
    host.engine.signal(run, signal, false).await.expect("the run takes it");
}

/// Under which name `listens` is told something.
const HEARD: &str = "tell";

async fn turns(host: &Host, run: RunId, turns: u64) {
    host.until(run, |view| (view.turns == turns).then_some(())).await;
}

#[tokio::test]
async fn a_run_that_goes_on_is_forked_as_it_stands_and_both_go_on_by_themselves() {
    let host = Host::new().await;
    let run = host.start("listens", json!(null)).await;
    signal(&host, run, json!(1)).await;
    turns(&host, run, 2).await;
    let other = fork(&host, run, NewFork::default()).await;
    // Before the first signal, which then comes again.
    let early = fork(&host, run, at(1)).await;
    for (run, said) in [(run, 2), (other, 3), (early, 4)] {
        signal(&host, run, json!(said)).await;
        signal(&host, run, json!(null)).await;
        assert_eq!(host.output(run).await, json!([1, said]));
    }
}

#[tokio::test]
async fn what_is_held_of_a_run_comes_to_its_fork_as_well() {
    let host = Host::new().await;
    let run = host.start("listens", json!(null)).await;
    turns(&host, run, 1).await;
    host.engine.pause_by(run, Asker::unknown()).await.expect("it goes on");
    signal(&host, run, json!(7)).await;
    let other = fork(&host, run, NewFork::default()).await;
    signal(&host, other, json!(null)).await;
    assert_eq!(host.output(other).await, json!([7]), "it is not held up");
    host.engine.resume(run, None).await.expect("it is paused");
    signal(&host, run, json!(null)).await;
    assert_eq!(host.output(run).await, json!([7]));
}

#[tokio::test]
async fn the_end_of_a_child_of_which_its_parent_has_not_heard_comes_to_the_fork() {
    let host = Host::new().await;
    let parent = host.start("waits_for_child", json!(false)).await;
    turns(&host, parent, 1).await;
    let child = host
        .engine
        .runs(RunFilter { limit: 9, ..RunFilter::default() })
        .await
        .expect("there are two");
    let is_child = |run: &RunId| *run != parent;
    let child = child.runs.into_iter().map(|run| run.run_id).find(is_child).expect("it has one");
    host.engine.pause_by(parent, Asker::unknown()).await.expect("it goes on");
    signal(&host, child, json!(5)).await;
    signal(&host, child, json!(null)).await;
    assert_eq!(host.output(child).await, json!([5]));
    let other = fork(&host, parent, NewFork::default()).await;
    assert_eq!(host.output(other).await, json!([5]));
}

#[tokio::test]
async fn what_cannot_be_forked_is_refused_with_what_to_do() {
    let host = Host::new().await;
    let hook = host.start("hook", json!(1)).await;
    host.token(hook).await;
    assert!(reason(&host, hook, NewFork::default()).await.contains("webhook #0 is open"));
    let first = host.run("echo", json!(1)).await.run_id;
    assert!(reason(&host, first, NewFork::default()).await.contains("`run-again`"));
    let done = host.run("add_steps", json!(2)).await.run_id;
    assert!(reason(&host, done, at(0)).await.contains("no turn 0"));
    let far = reason(&host, done, at(9)).await;
    assert!(far.contains("give one from 1 to 2"), "{far}");
    let input = with_path(1, Path::new("x"), at(1));
    let wrong = reason(&host, done, input).await;
    assert!(wrong.contains("#1 is no step that is open") && wrong.contains("#0 (add)"), "{wrong}");
    let parent = host.start("waits_for_child", json!(false)).await;
    turns(&host, parent, 1).await;
    assert!(reason(&host, parent, NewFork::default()).await.contains("child #0"));
    let undo = json!({ "undo": [{ "id": 1, "fails": 0, "how": "error" }, false] });
    let fatal = json!({ "step": { "id": 2, "fails": 9, "how": "fatal" } });
    let saga = json!({ "webhooks": [], "act": { "each": [undo, fatal] }, "strict": true });
    let undone = host.run("program", saga).await.run_id;
    assert!(reason(&host, undone, NewFork::default()).await.contains("compensations have run"));
    assert!(reason(&host, undone, at(1)).await.contains("undone since"));
    let unknown = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS".parse().expect("it is an ID");
    let refused = host.engine.fork(unknown, NewFork::default()).await;
    assert!(matches!(refused, Err(EngineError::UnknownRun(_))), "{refused:?}");
}

#[tokio::test]
async fn a_fork_goes_on_on_other_code_where_that_does_the_same_for_what_is_copied() {
    let files = Files::new();
    let host = Host::new().await;
    let failed = host.run("needs_file", json!(files.missing())).await.run_id;
    let foreign = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let other = host.engine.deploy(edition(1)).await.expect("the module is good").digest;
    assert!(reason(&host, failed, NewFork::default()).await.contains("not kept any more"));
    let on =
        |module: String| NewFork { module: Some(module), ..with_path(1, &files.there(), at(2)) };
    let refused = host.engine.fork(failed, on(foreign)).await;
    assert!(matches!(refused, Err(EngineError::DoesNotFit { .. })), "{refused:?}");
    let run = fork(&host, failed, on(other.clone())).await;
    let ended = host.end(run).await;
    assert_eq!((ended.status, ended.module), (RunStatus::Completed, other));
    let back = host.engine.deploy(basics()).await.expect("the module is good").digest;
    assert!(!back.is_empty());
}

#[tokio::test]
async fn the_same_key_makes_the_same_fork_and_no_other() {
    let host = Host::new().await;
    let done = host.run("add_steps", json!(3)).await.run_id;
    let keyed = |turn| NewFork { key: Some("again".to_owned()), ..at(turn) };
    let run = fork(&host, done, keyed(2)).await;
    let again = host.engine.fork(done, keyed(2)).await.expect("it is the same");
    assert_eq!((again.run_id, again.created), (run, false));
    let other = host.engine.fork(done, keyed(1)).await;
    assert!(matches!(other, Err(EngineError::OtherInput(of)) if of == run), "{other:?}");
    let module = host.engine.run(done).await.expect("it is known").module;
    let on = NewFork { module: Some(module), ..keyed(2) };
    let other = host.engine.fork(done, on).await;
    assert!(matches!(other, Err(EngineError::OtherInput(of)) if of == run), "{other:?}");
    let start = host.engine.start("add_steps", raw(&json!(3)), Some("again".to_owned())).await;
    assert!(matches!(start, Err(EngineError::OtherInput(of)) if of == run), "{start:?}");
    let of_other = host.engine.fork(run, keyed(2)).await;
    assert!(matches!(of_other, Err(EngineError::OtherInput(of)) if of == run), "{of_other:?}");
    assert_eq!(host.output(run).await, json!(3));
}

#[tokio::test]
async fn a_fork_of_a_run_of_which_only_the_last_turns_are_kept_has_its_image() {
    let files = Files::new();
    let image_turns = ImageTurns { live: 8, let_go: 4, apart: 2 };
    let host = Host::with(|config| config.image_turns = image_turns).await;
    let failed = host.run("needs_file_kept", json!([files.missing(), 100])).await.run_id;
    let host = host.restart(|config| config.image_turns = image_turns).await;
    let run = fork(&host, failed, with_path(100, &files.there(), NewFork::default())).await;
    assert_eq!(output(&host.end(run).await), json!(100));
    assert!(reason(&host, failed, at(20)).await.contains("were forgotten"));
}

#[tokio::test]
async fn a_fork_that_fails_is_tried_again_and_goes_back_no_further_than_it_is_itself() {
    let files = Files::new();
    let host = Host::new().await;
    let times = Times { timeout: Some(Duration::from_secs(3_600)), ..Times::default() };
    let new = NewRun { times, ..NewRun::default() };
    let started = host.engine.start_with("needs_file", raw(&json!(files.missing())), new).await;
    let failed = host.end(started.expect("it starts").run_id).await;
    let run = fork(&host, failed.run_id, NewFork::default()).await;
    let ended = host.end(run).await;
    assert_eq!(ended.status, RunStatus::Failed);
    assert!(ended.times_out_at > failed.times_out_at, "its time counts anew");
    let far = host.engine.retry_by(run, Some(2), None, Asker::unknown()).await;
    let far = far.expect_err("that is not its turn").to_string();
    assert!(far.contains("its turns up to 2 are those of") && far.contains("fork that"), "{far}");
    std::fs::write(files.missing(), "").expect("it can be written");
    host.engine.retry_by(run, None, None, Asker::unknown()).await.expect("it has failed");
    let ended = host.end(run).await;
    assert_eq!(output(&ended), json!(["before", format!("{run}:1"), "after"]));
}
