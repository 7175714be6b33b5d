//! The engine, with real components.

use segno_host::engine::{Reply, RunStatus};
use segno_tests::{Host, blocked, output, patiently, post};
use serde_json::json;

#[tokio::test]
async fn a_workflow_returns_its_input() {
    let host = Host::new().await;
    let run = host.run("echo", json!({"a": [1, 2.5, "ü"]})).await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(output(&run), json!({"a": [1, 2.5, "ü"]}));
}

#[tokio::test]
async fn steps_run_one_after_the_other() {
    let host = Host::new().await;
    let run = host.run("add_steps", json!(100)).await;
    assert_eq!(output(&run), json!(100));
    assert_eq!(run.turns, 101);
}

#[tokio::test]
async fn a_thousand_steps_run_at_once() {
    let host = Host::new().await;
    let run = host.run("fan_out", json!(1000)).await;
    assert_eq!(output(&run), json!(500_500));
}

#[tokio::test]
async fn a_step_is_tried_again_until_it_succeeds() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"flaky": 2})).await;
    assert_eq!(run.status, RunStatus::Completed, "{run:?}");
}

#[tokio::test]
async fn a_fatal_step_fails_at_once() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"fatal": "no such thing"})).await;
    assert_eq!(output(&run)["Err"]["attempts"], json!(1), "{run:?}");
}

#[tokio::test]
async fn requests_reach_the_workflow_in_order_and_are_answered() {
    let host = Host::new().await;
    let run = host.start("hook_manual", json!(2)).await;
    let token = host.token(run).await;
    for body in ["abc", "xyz"] {
        let reply = host.engine.call_webhook(&token, post(body)).await.expect("it is stored");
        let Reply::Later(answer) = reply else { panic!("{reply:?}") };
        let response = patiently(answer).await.expect("the workflow answers");
        assert_eq!(response.body, body.bytes().rev().collect::<Vec<_>>());
    }
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
    assert!(host.engine.call_webhook(&token, post("late")).await.is_err());
}

#[tokio::test]
async fn a_run_goes_on_after_a_restart() {
    let host = Host::new().await;
    let run = host.start("hook", json!(3)).await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("1")).await.expect("it is stored");
    let host = host.restart(|_config| {}).await;
    host.engine.call_webhook(&token, post("2")).await.expect("it is stored");
    let host = host.restart(|config| config.memory_budget = 0).await;
    host.engine.call_webhook(&token, post("3")).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!(["1", "2", "3"]));
}

#[tokio::test]
async fn time_and_chance_come_from_the_record() {
    let host = Host::new().await;
    let run = host.run("times", json!(null)).await;
    assert_eq!(run.status, RunStatus::Completed, "{run:?}");
}

#[tokio::test]
async fn a_workflow_that_panics_is_blocked_with_its_message() {
    let host = Host::new().await;
    host.engine.deploy(segno_tests::rogue()).await.expect("the module is good");
    let run = host.run("panic", json!("alas")).await;
    assert!(blocked(&run).contains("panicked"), "{run:?}");
}
