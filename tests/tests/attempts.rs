//! Attempts of steps, with real components: what counts as one, and what waits for another host.

use std::time::Duration;

use segno_host::engine::{EngineError, RunStatus, RunView, Wait};
use segno_journal::RunId;
use segno_tests::{Host, output, patiently, post, raw};
use serde_json::json;

#[tokio::test]
async fn a_step_that_no_host_has_is_waited_for_and_is_never_a_failure() {
    let host = Host::new().await;
    let run = host.start("hook_manual_in_step", json!(1)).await;
    let token = host.token(run).await;
    // The step before has returned.
    let waits = |view: &RunView| matches!(view.waits_for[..], [Wait::Webhook { .. }]).then_some(());
    host.until(run, waits).await;
    let host = host.restart_without_steps().await;
    let _reply = host.engine.call_webhook(&token, post("abc")).await.expect("it is stored");
    let is_missing = |view: &RunView| {
        view.waits_for
            .iter()
            .any(|wait| matches!(wait, Wait::Step { missing: true, attempt: 1, .. }))
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
    let refused =
        host.engine.start("add_steps", raw(&json!(1)), None).await.expect_err("it lacks them");
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

/// Starts a run whose step hangs, and waits until that has begun.
async fn stubborn(host: &Host) -> RunId {
    let run = host.start("step_fails", json!({"stubborn": null})).await;
    let step_id = format!("{run}:0");
    patiently(async {
        while !guest_basics::tried::has_begun(&step_id) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    run
}

#[tokio::test]
async fn an_attempt_that_a_stop_cut_off_is_made_again_and_uses_up_nothing() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    let run = stubborn(&host).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!({"Ok": 1}), "it is still the first attempt");
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let told = serde_json::to_string(&history.events).expect("a history is JSON");
    assert!(!told.contains("step_retrying"), "{told}");
}

#[tokio::test]
async fn an_attempt_that_had_not_begun_at_an_orderly_stop_begins_at_the_next_start() {
    let host =
        Host::with(|config| (config.max_running_steps, config.drain) = (1, Duration::ZERO)).await;
    stubborn(&host).await;
    let second = host.start("step_fails", json!({"slow": 0})).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(second).await, json!({"Ok": false}));
}

#[tokio::test]
async fn a_host_that_lacks_a_step_leaves_it_to_one_that_has_it() {
    let host = Host::with(|config| config.drain = Duration::ZERO).await;
    let run = stubborn(&host).await;
    let host = host.restart_without_steps().await;
    host.until(run, |view| {
        matches!(view.waits_for[..], [Wait::Step { missing: true, .. }]).then_some(())
    })
    .await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!({"Ok": 1}));
}

#[tokio::test]
async fn a_run_whose_steps_hang_leaves_places_to_others() {
    let host = Host::with(|config| config.max_running_steps = 4).await;
    for _ in 0..10 {
        host.start("step_fails", json!({"slow": 3_600_000})).await;
    }
    assert_eq!(
        host.end(host.start("add_steps", json!(1)).await).await.status,
        RunStatus::Completed
    );
}

#[tokio::test]
async fn an_attempt_takes_no_longer_than_the_host_allows_whatever_its_step_says() {
    let host = Host::with(|config| config.max_step_timeout = Duration::from_millis(1)).await;
    let run = host.start("step_fails", json!({"slow": 3_600_000})).await;
    let failed = |view: &RunView| match &view.waits_for[..] {
        [Wait::Step { last_error: Some(error), .. }] => Some(error.clone()),
        _ => None,
    };
    let error = host.until(run, failed).await;
    assert!(error.contains("longer than its time-out of 1ms"), "{error}");
}

#[tokio::test]
async fn a_step_is_tried_no_more_often_than_the_host_allows_whatever_it_says() {
    let host = Host::with(|config| config.max_step_retries = 1).await;
    let run = host.start("step_fails", json!({"flaky": 9})).await;
    assert_eq!(output(&host.end(run).await)["Err"]["attempts"], json!(2));
}

#[tokio::test]
async fn whoever_has_mended_what_a_step_failed_for_need_not_wait_for_its_next_attempt() {
    let host = Host::with(|config| config.max_step_timeout = Duration::from_millis(1)).await;
    let run = host.start("step_fails", json!({"slow": 3_600_000})).await;
    let attempt = |wanted: u32| {
        move |view: &RunView| match &view.waits_for[..] {
            [Wait::Step { attempt, retry_at: Some(_), .. }] if *attempt == wanted => Some(()),
            _ => None,
        }
    };
    for next in 2..5 {
        host.until(run, attempt(next)).await;
        patiently(async {
            // The timer is armed a moment after the failure is shown.
            while host.engine.retry_now(run).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert_eq!(output(&host.end(run).await)["Err"]["attempts"], json!(4));
    let refused = host.engine.retry_now(run).await.expect_err("nothing waits");
    assert!(matches!(refused, EngineError::NothingToRetry(_)), "{refused}");
}
