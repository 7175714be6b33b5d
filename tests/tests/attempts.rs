//! Attempts of steps, with real components: what counts as one, and what waits for another host.

use std::time::Duration;

use segno_host::engine::{RunStatus, RunView, Wait};
use segno_tests::{Host, output, post, raw};
use serde_json::json;

#[tokio::test]
async fn a_step_that_no_host_has_is_waited_for_and_is_never_a_failure() {
    let host = Host::new().await;
    let run = host.start("hook_manual_in_step", json!(1)).await;
    let token = host.token(run).await;
    let host = host.restart_without_steps().await;
    let _reply = host.engine.call_webhook(&token, post("abc")).await.expect("it is stored");
    let is_missing = |view: &RunView| {
        view.waits_for.iter().any(|wait| matches!(wait, Wait::Step { missing: true, attempt: 1, .. }))
    };
    host.until(run, |view| is_missing(view).then_some(())).await;
    assert_eq!(host.engine.missing_steps(), [("respond".to_owned(), 1)]);
    assert!(host.engine.metrics().contains("segno_steps_missing 1\n"));
    let host = host.restart_without_steps().await;
    host.until(run, |view| is_missing(view).then_some(())).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_host_that_lacks_steps_starts_no_run_that_may_want_them() {
    let host = Host::without_steps().await;
    let refused = host.engine.start("add_steps", raw(&json!(1)), None).await.expect_err("it lacks them");
    assert!(refused.to_string().contains("`add`"), "{refused}");
}

#[tokio::test]
async fn a_cancelled_run_waits_for_no_step_any_more() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    let run = host.start("step_fails", json!({"slow": 3_600_000})).await;
    host.until(run, |view| (view.waits_for.len() == 1).then_some(())).await;
    let host = host.restart_without_steps().await;
    host.until(run, |_view| (!host.engine.missing_steps().is_empty()).then_some(())).await;
    host.engine.cancel(run).await.expect("it has not ended");
    assert_eq!(host.engine.missing_steps(), []);
}

#[tokio::test]
async fn an_attempt_that_a_stop_cut_off_counts() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    let run = host.start("step_fails", json!({"slow": 3_600_000})).await;
    let attempt = |wanted: u32| {
        move |view: &RunView| match &view.waits_for[..] {
            [Wait::Step { attempt, .. }] if *attempt == wanted => Some(()),
            _ => None,
        }
    };
    host.until(run, attempt(1)).await;
    let host = host.restart(|config| config.drain = Duration::ZERO).await;
    host.until(run, attempt(2)).await;
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let told = serde_json::to_value(&history.events).expect("a history is JSON");
    assert!(told.to_string().contains("the host stopped while the step ran"), "{told}");
}

#[tokio::test]
async fn an_attempt_that_had_not_begun_at_an_orderly_stop_does_not_count() {
    let host = Host::with(|config| (config.max_running_steps, config.drain) = (1, Duration::ZERO)).await;
    let first = host.start("step_fails", json!({"slow": 3_600_000})).await;
    host.until(first, |view| (view.waits_for.len() == 1).then_some(())).await;
    let second = host.start("step_fails", json!({"slow": 0})).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(output(&host.end(second).await), json!({"Ok": false}));
    let history = host.engine.history(second, 0, 100).await.expect("the run is known");
    let told = serde_json::to_string(&history.events).expect("a history is JSON");
    assert!(!told.contains("step_retrying"), "{told}");
}

#[tokio::test]
async fn a_host_that_lacks_a_step_leaves_it_to_one_that_has_it() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    let run = host.start("step_fails", json!({"stubborn": null})).await;
    host.until(run, |view| (view.waits_for.len() == 1).then_some(())).await;
    let host = host.restart_without_steps().await;
    let waits = host.engine.run(run).await.expect("the run is known").waits_for;
    assert!(matches!(&waits[..], [Wait::Step { .. }]), "{waits:?}");
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!({"Ok": 2}));
}
