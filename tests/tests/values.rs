//! Promises about what goes into a run and what comes out of it, at the bounds.

use segno_host::engine::{HistoryEvent, RunStatus};
use segno_journal::RunId;
use segno_tests::{Host, output, post};
use serde_json::json;

/// What the workflow, or the host about it, wrote to the log of the run.
async fn log(host: &Host, run: RunId) -> Vec<String> {
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let lines = history.events.into_iter().filter_map(|entry| match entry.event {
        HistoryEvent::Log { message, .. } => Some(message),
        _ => None,
    });
    lines.collect()
}

#[tokio::test]
async fn the_input_of_a_step_may_have_four_mebibytes_and_no_byte_more() {
    let host = Host::new().await;
    let most = (4 << 20) - r#"{"text":""}"#.len();
    let run = host.run("long_note", json!(most)).await;
    assert_eq!(output(&run), json!({ "Ok": most }));

    let run = host.run("long_note", json!(most + 1)).await;
    let failure = &output(&run)["Err"];
    assert_eq!((&failure["attempts"], &failure["fatal"]), (&json!(0), &json!(true)), "{failure}");
    let message = failure["message"].as_str().expect("a failure has a message");
    assert!(
        message.starts_with("its input has 4194305 bytes, but at most 4194304 are allowed"),
        "{message}"
    );
}

#[tokio::test]
async fn a_sleep_that_lost_its_race_in_the_last_turn_is_not_missed() {
    let host = Host::new().await;
    let run = host.start("race", json!({ "requests": 1, "ms": 3_600_000 })).await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("won")).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!(["won"]));
    assert_eq!(log(&host, run).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_step_that_runs_when_its_workflow_ends_is_named() {
    let host = Host::new().await;
    let run = host.run("abandons", json!(null)).await;
    assert_eq!(
        log(&host, run.run_id).await,
        ["the workflow ended before 1 of its steps, which are given up: `slow` (0)"]
    );
}

#[tokio::test]
async fn a_value_that_is_nested_too_deep_for_readers_is_a_failure() {
    let host = Host::new().await;
    let run = host.run("nests", json!({ "output": 100 })).await;
    assert_eq!(run.status, RunStatus::Completed);
    let run = host.run("nests", json!({ "output": 101 })).await;
    assert_eq!(
        run.error.as_deref(),
        Some("the output of the workflow is nested more than 100 levels deep")
    );
    let run = host.run("nests", json!({ "step": 101 })).await;
    assert_eq!(
        run.error.as_deref(),
        Some("step `nested` failed: the output of the step is nested more than 100 levels deep")
    );
}

#[tokio::test]
async fn a_run_is_told_what_clocks_show_in_a_place_and_that_is_recorded() {
    let host = Host::new().await;
    let run = host.run("clocks", json!(["02:00", "Europe/Berlin"])).await;
    let shown = output(&run)[1].as_str().expect("it is a text").to_owned();
    assert!(shown.ends_with("T02:00:00"), "{shown}");
    let history = host.engine.history(run.run_id, 0, 100).await.expect("the run is known");
    let asked = history.events.iter().filter(|entry| {
        matches!(&entry.event, HistoryEvent::StepStarted { name, .. } if name == "local_time")
    });
    assert_eq!(asked.count(), 2);

    let run = host.run("clocks", json!(["02:00", "Europe/Bonn"])).await;
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.expect("it says why");
    assert!(error.contains("`Europe/Bonn` is not a time zone"), "{error}");
}
