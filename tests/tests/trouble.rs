//! Trouble is seen at once: lists say why a run waits, and find those that somebody should look at.

use std::time::Duration;

use segno::native::{Step, StepContext, StepPolicy};
use segno::{StepError, Steps};
use segno_host::engine::{
    Config, Engine, ProblemKind, RunFilter, RunStatus, RunSummary, Trouble, Why,
};
use segno_journal::{BlockKind, RunId};
use segno_tests::{Host, basics, cache, patiently, raw, rogue};
use serde_json::json;
use tempfile::TempDir;

async fn list(engine: &Engine, filter: RunFilter) -> Vec<RunSummary> {
    engine.runs(RunFilter { limit: 100, ..filter }).await.expect("runs can be listed").runs
}

fn in_trouble() -> RunFilter {
    RunFilter { trouble: true, ..RunFilter::default() }
}

/// Why a run waits, as a list says it.
async fn why(engine: &Engine, run: RunId) -> Why {
    let listed = list(engine, RunFilter::default()).await;
    let found = listed.into_iter().find(|summary| summary.run_id == run).expect("it is listed");
    found.why.unwrap_or_else(|| panic!("{run} has ended"))
}

#[tokio::test]
async fn a_list_says_why_each_run_waits_and_finds_those_in_trouble() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    host.engine.deploy(rogue()).await.expect("the module is good");
    let ended = host.run("echo", json!(1)).await.run_id;
    let sleeps = host.start("nap", json!(3_600_000)).await;
    let hears = host.start("hook", json!(1)).await;
    let panics = host.run("panic", json!("alas\u{1b}[2J")).await.run_id;
    let works = host.start("step_fails", json!({"slow": 3_600_000})).await;
    assert_eq!(why(&host.engine, works).await.trouble, None);
    let host = host.restart_without_steps().await;

    let slept = why(&host.engine, sleeps).await;
    assert!(slept.text.starts_with("sleep until 2"), "{slept:?}");
    let heard = why(&host.engine, hears).await;
    assert!(heard.text.starts_with("webhook since 2"), "{heard:?}");
    let panicked = why(&host.engine, panics).await;
    assert!(panicked.text.starts_with("blocked (trap) since 2"), "{panicked:?}");
    assert!(panicked.text.contains("the workflow panicked: alas\\u{1b}[2J"), "{panicked:?}");
    let missing = why(&host.engine, works).await;
    assert!(missing.text.starts_with("step slow, which this host lacks since 2"), "{missing:?}");
    let listed = list(&host.engine, RunFilter::default()).await;
    assert!(listed.iter().any(|run| run.run_id == ended && run.why.is_none()), "{listed:?}");

    let report = host.engine.health().await.expect("the store can be read");
    let problems: Vec<_> =
        report.problems.into_iter().map(|problem| (problem.kind, problem.count)).collect();
    assert_eq!(problems, [(ProblemKind::Blocked, 1), (ProblemKind::MissingStep, 1)]);
    let found = list(&host.engine, in_trouble()).await.into_iter();
    let found: Vec<_> =
        found.map(|run| (run.run_id, run.why.and_then(|why| why.trouble))).collect();
    assert_eq!(found, [(works, Some(Trouble::MissingStep)), (panics, Some(Trouble::Blocked))]);
    let blocked = RunFilter { statuses: vec![RunStatus::Blocked], ..RunFilter::default() };
    let found = list(&host.engine, blocked).await;
    assert_eq!(found.iter().map(|run| run.run_id).collect::<Vec<_>>(), [panics]);
    assert_eq!(found[0].why.as_ref().and_then(|why| why.kind), Some(BlockKind::Trap));
}

#[tokio::test]
async fn those_in_trouble_are_found_page_by_page() {
    let host = Host::new().await;
    host.engine.deploy(rogue()).await.expect("the module is good");
    let mut blocked = Vec::new();
    for _ in 0..3 {
        blocked.push(host.run("panic", json!(null)).await.run_id);
        host.start("nap", json!(3_600_000)).await;
    }
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let filter = RunFilter { limit: 1, before, ..in_trouble() };
        let page = host.engine.runs(filter).await.expect("runs can be listed");
        found.extend(page.runs.iter().map(|run| run.run_id));
        let Some(next) = page.next else { break };
        before = Some(next.parse().expect("it is a run"));
    }
    blocked.reverse();
    assert_eq!(found, blocked);
}

/// An engine on one shard whose step `flaky` fails three times, and then never ends.
async fn engine(configure: impl FnOnce(&mut Config)) -> (Engine, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    (config.cache, config.shards) = (cache(), 1);
    configure(&mut config);
    let policy = guest_basics::steps().get("flaky").expect("the module has it").policy.clone();
    let flaky = Step::new("flaky", StepPolicy { max_retries: 10, ..policy }, |_input| async {
        match StepContext::current().attempt() {
            1..=3 => Err(StepError::from("no\nluck")),
            _ => std::future::pending().await,
        }
    });
    let all = guest_basics::steps();
    let others = Steps::new().with(flaky);
    let steps = all.iter().filter(|step| step.name != "flaky").cloned().fold(others, Steps::with);
    let engine = Engine::open(config, steps).await.expect("the engine opens");
    engine.deploy(basics()).await.expect("the module is good");
    engine.deploy(rogue()).await.expect("the module is good");
    (engine, directory)
}

#[tokio::test]
async fn a_step_that_fails_again_and_again_is_trouble() {
    let (engine, _directory) = engine(|_config| {}).await;
    let input = raw(&json!({"flaky": 100}));
    let run = engine.start("step_fails", input, None).await.expect("it starts").run_id;
    let found = patiently(async {
        loop {
            if let Some(found) = list(&engine, in_trouble()).await.pop() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(found.run_id, run);
    let report = engine.health().await.expect("the store can be read");
    let [problem] = &report.problems[..] else { panic!("{report:?}") };
    assert!(
        problem
            .message
            .starts_with("step flaky of workflow step_fails fails again and again in 1 run, ")
    );
    let why = found.why.expect("it has not ended");
    assert_eq!(why.trouble, Some(Trouble::Failing));
    assert!(why.text.starts_with("step flaky since 2"), "{why:?}");
    assert!(why.text.contains(", attempt 4 due 2"), "{why:?}");
    assert!(why.text.ends_with("last error: no\\nluck"), "{why:?}");
}

#[tokio::test]
async fn a_list_does_not_wait_for_a_shard_that_does_not_answer() {
    let (engine, _directory) = engine(|config| config.limits.fuel_per_turn = u64::MAX).await;
    let run = engine.start("nap", raw(&json!(3_600_000)), None).await.expect("it starts").run_id;
    let spinning = tokio::spawn({
        let engine = engine.clone();
        async move { engine.start("spin", raw(&json!(null)), None).await }
    });
    let found = patiently(async {
        loop {
            let why = why(&engine, run).await;
            if why.trouble.is_some() {
                return why;
            }
        }
    })
    .await;
    assert_eq!(
        (found.trouble, &*found.text),
        (Some(Trouble::Unanswered), "its shard does not answer")
    );
    spinning.abort();
}
