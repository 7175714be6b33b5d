//! What can be done to what a run waits for: a sleep ends early, and a step is given up.

use segno_host::engine::{Asker, EngineError, HistoryEvent, RunStatus, Wait};
use segno_journal::{Op, RunId};
use segno_tests::{Host, output, patiently};
use serde_json::json;

use crate::{ask, listens, signal};

async fn sleeps(host: &Host, run: RunId, count: usize) {
    let is_sleep = |wait: &&Wait| matches!(wait, Wait::Sleep { .. });
    let asleep = |view: &segno_host::engine::RunView| {
        (view.waits_for.iter().filter(is_sleep).count() == count).then_some(())
    };
    host.until(run, asleep).await;
}

#[tokio::test]
async fn sleeps_end_early_one_by_one_or_all_and_the_history_says_who_asked() {
    let host = Host::new().await;
    let run = host.start("sleeper", json!(null)).await;
    sleeps(&host, run, 2).await;
    let by = || Asker::named("ops");
    let view = host.engine.wake_by(run, Some(Op(1)), by()).await.expect("it sleeps");
    assert_eq!((view.status, view.waits_for.len()), (RunStatus::Running, 1));
    let again = host.engine.wake_by(run, Some(Op(1)), by()).await;
    assert!(matches!(again, Err(EngineError::NothingToWake(_))), "{again:?}");
    host.engine.wake_by(run, None, by()).await.expect("it sleeps");
    assert_eq!(output(&host.end(run).await), json!(true), "a day is not over");
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let woken: Vec<_> = history
        .events
        .into_iter()
        .filter_map(|entry| match entry.event {
            HistoryEvent::SleepWoken { op, by } => Some((op, by)),
            _ => None,
        })
        .collect();
    assert_eq!(woken, [(1, Some("ops".to_owned())), (0, Some("ops".to_owned()))]);
    let late = host.engine.wake_by(run, None, by()).await;
    assert!(matches!(late, Err(EngineError::AlreadyEnded(_))), "{late:?}");
}

#[tokio::test]
async fn a_blocked_run_keeps_no_wake_however_often_it_is_told() {
    let host = Host::new().await;
    let run = host.start("sleeps_and_panics", json!(null)).await;
    listens(&host, run, "panic").await;
    host.engine.signal(run, signal("panic", &json!(null)), false).await.expect("it is stored");
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    for _ in 0..3 {
        let woken = host.engine.wake_by(run, None, Asker::unknown()).await;
        assert!(matches!(woken, Err(EngineError::IsBlocked(of)) if of == run), "{woken:?}");
    }
    let host = host.restart(|_config| {}).await;
    let view = host.engine.run(run).await.expect("it is there");
    assert!(view.waits_for.iter().any(|wait| matches!(wait, Wait::Sleep { .. })), "{view:?}");
}

#[tokio::test]
async fn all_of_many_sleeps_are_ended_and_others_have_their_turns_in_between() {
    let host = Host::with(|config| config.shards = 1).await;
    let run = host.start("sleeps_often", json!(2_000)).await;
    sleeps(&host, run, 2_000).await;
    let (woken, other) = tokio::join!(
        host.engine.wake_by(run, None, Asker::named("ops")),
        host.run("add_steps", json!(3)),
    );
    woken.expect("it sleeps");
    assert!(other.output.is_some());
    assert_eq!(output(&host.end(run).await), json!(2_000));
}

#[tokio::test]
async fn a_run_that_does_not_sleep_is_not_woken() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    listens(&host, run, "never").await;
    let woken = host.engine.wake_by(run, None, Asker::unknown()).await;
    assert!(matches!(woken, Err(EngineError::NothingToWake(of)) if of == run), "{woken:?}");
}

#[tokio::test]
async fn a_step_that_is_given_up_hears_of_it_and_its_run_goes_on() {
    let host = Host::new().await;
    let run = host.start("gives_up", json!(600_000)).await;
    let step = format!("{run}:0");
    patiently(async {
        while !guest_basics::tried::has_begun(&step) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    host.engine.wake_by(run, None, Asker::unknown()).await.expect("it sleeps");
    patiently(async {
        while !guest_basics::tried::has_begun(&format!("{step} was told to stop")) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let view = host.engine.run(run).await.expect("the run is known");
    assert!(view.waits_for.iter().all(|wait| matches!(wait, Wait::Signal { .. })), "{view:?}");
    ask(&host, run, signal("end", &json!(null))).await.expect("it goes on");
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let is_it = |event: &HistoryEvent| matches!(event, HistoryEvent::StepCancelled { op: 0 });
    assert!(history.events.iter().any(|entry| is_it(&entry.event)), "{history:?}");
    let returned = |event: &HistoryEvent| matches!(event, HistoryEvent::StepCompleted { .. });
    assert!(!history.events.iter().any(|entry| returned(&entry.event)), "it came too late");
}

#[tokio::test]
async fn a_step_that_is_given_up_between_two_attempts_has_no_further_one() {
    let host = Host::new().await;
    let run = host.start("gives_up_failing", json!(2)).await;
    listens(&host, run, "end").await;
    let host = host.restart(|_config| {}).await;
    let view = host.engine.run(run).await.expect("the run is known");
    let steps = view.waits_for.iter().filter(|wait| matches!(wait, Wait::Step { .. })).count();
    assert_eq!(steps, 0, "{view:?}");
    ask(&host, run, signal("end", &json!(null))).await.expect("it goes on");
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_step_knows_when_its_run_started_and_where_the_api_is() {
    let host = Host::with(|config| config.api_url = "http://segno.test:1".into()).await;
    let run = host.run("whereabouts", json!(null)).await;
    let told = output(&run);
    assert_eq!(told["api"], "http://segno.test:1");
    assert_eq!(told["run_started_at"], json!(run.started_at.as_millisecond()));
}

#[tokio::test]
async fn an_attempt_finds_what_the_one_before_last_said_and_one_that_falls_silent_has_failed() {
    let host = Host::new().await;
    let run = host.run("counts", json!(null)).await;
    assert_eq!(output(&run), json!([1, 2, 3]));
    let history = host.engine.history(run.run_id, 0, 100).await.expect("the run is known");
    let errors: Vec<_> = history
        .events
        .into_iter()
        .filter_map(|entry| match entry.event {
            HistoryEvent::StepRetrying { error, .. } => Some(error),
            _ => None,
        })
        .collect();
    assert_eq!(errors, ["one is not enough", "the attempt sent no heartbeat for 300ms"]);
    let directory = host.stop().await;
    let store = segno_host::store::Store::open(directory.path()).expect("the store opens");
    assert_eq!(store.heartbeats().expect("the store can be read"), [], "nothing is left behind");
}

#[tokio::test]
async fn a_heartbeat_survives_the_host() {
    let host = Host::with(|config| config.drain = std::time::Duration::ZERO).await;
    let run = host.start("remembers", json!(null)).await;
    let step = format!("{run}:0");
    patiently(async {
        while !guest_basics::tried::has_begun(&step) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let says = |view: &segno_host::engine::RunView| {
        view.waits_for.iter().find_map(|wait| match wait {
            Wait::Step { heartbeat, .. } => heartbeat.as_ref().map(|said| said.as_str().to_owned()),
            _ => None,
        })
    };
    assert_eq!(host.until(run, says).await, "7", "who looks at the run sees it");
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!(7));
}
