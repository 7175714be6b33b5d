//! Steering runs over HTTP, and on the command line of a real process that is killed.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::support::{Host, basics, problem};

/// A program that undoes something for a day: its compensation waits for its second attempt.
fn saga() -> Value {
    let undo = json!({ "undo": [{ "id": 1, "fails": 1, "how": { "later": 86_400_000 } }, false] });
    json!({ "webhooks": [], "act": { "each": [undo, { "sleep": 86_400_000 }] }, "strict": false })
}

impl Host {
    async fn steer(&self, run: &str, verb: &str, body: &Value) -> Response {
        self.request(Method::POST, &format!("/v1/runs/{run}/{verb}"))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn view(&self, run: &str, verb: &str, body: &Value) -> Value {
        let response = self.steer(run, verb, body).await;
        assert_eq!(response.status(), 200, "{verb}");
        response.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_cancel_says_what_is_left_to_undo_and_a_kill_leaves_it() {
    let host = Host::new().await;
    let run = host.start("program", saga()).await;
    let view = host.get(&format!("/v1/runs/{run}")).await;
    let registered = &view["cleanup"]["compensations"];
    assert_eq!(
        (&registered[0]["name"], &registered[0]["begun_at"]),
        (&json!("undo"), &Value::Null)
    );
    let view = host.view(&run, "cancel", &json!({ "within": "2h" })).await;
    assert_eq!(view["status"], "running");
    let cleanup = &view["cleanup"];
    assert!(cleanup["told_at"].is_string() && cleanup["until"].is_string(), "{view}");
    assert_eq!(cleanup["compensations"].as_array().map(Vec::len), Some(1), "{view}");
    let again = host.view(&run, "cancel", &json!({})).await;
    assert_eq!(again["cleanup"]["until"], cleanup["until"], "a second one changes nothing");
    let killed = host.view(&run, "cancel", &json!({ "kill": true })).await;
    assert_eq!((&killed["status"], &killed["cleanup"]), (&json!("cancelled"), &Value::Null));
    let events = host.get(&format!("/v1/runs/{run}/events")).await;
    let types: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|it| it["event"]["type"].clone()).collect();
    for expected in
        ["compensation_registered", "run_cancelling", "cleanup_started", "run_cancelled"]
    {
        assert!(types.contains(&json!(expected)), "{expected}: {types:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_steered_is_refused_with_a_sentence() {
    let host = Host::new().await;
    let run = host.start("program", saga()).await;
    let refused = host.steer(&run, "cancel", &json!({ "within": "soon" })).await;
    let detail = problem(refused, 400, "malformed-json").await;
    assert!(detail.starts_with("`within`: `soon` is not a duration"), "{detail}");
    assert_eq!(host.view(&run, "pause", &json!({})).await["status"], "paused");
    problem(host.steer(&run, "wake", &json!({})).await, 409, "is-blocked").await;
    let waits = host.view(&run, "cancel", &json!({})).await;
    assert_eq!(
        (&waits["status"], &waits["cleanup"]["cancel_waits"]),
        (&json!("paused"), &json!(true))
    );
    host.view(&run, "cancel", &json!({ "kill": true })).await;
    problem(host.steer(&run, "pause", &json!({})).await, 409, "already-ended").await;
    problem(host.steer(&run, "resume", &json!({})).await, 409, "not-blocked").await;
    let unknown = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS";
    for verb in ["pause", "run-again"] {
        problem(host.steer(unknown, verb, &json!({})).await, 404, "unknown-run").await;
    }
    let path = "/v1/workflows/nap/runs";
    for (body, what) in [
        (json!({ "input": 1, "timeout": "0s" }), "`timeout` has to be a millisecond or more"),
        (json!({ "input": 1, "start_after": "soon" }), "`start_after`: `soon` is not a duration"),
        (
            json!({ "input": 1, "start_after": "1s", "start_at": "2027-01-31T08:00:00Z" }),
            "a start has `start_at` or `start_after`, and not both",
        ),
    ] {
        let response = host.request(Method::POST, path).json(&body).send().await.unwrap();
        let detail = problem(response, 400, "malformed-json").await;
        assert!(detail.starts_with(what), "{detail}");
    }
}

#[tokio::test]
async fn a_run_begins_later_and_is_started_again() {
    let host = Host::new().await;
    let start = |body: Value| {
        let request = host.request(Method::POST, "/v1/workflows/add_steps/runs").json(&body);
        request.send()
    };
    let later = start(json!({ "input": 3, "start_at": "2999-01-01T00:00:00Z", "timeout": "1h" }));
    let later: Value = later.await.unwrap().json().await.unwrap();
    assert_eq!(later["status"], "pending");
    let run = later["run_id"].as_str().unwrap();
    let view = host.get(&format!("/v1/runs/{run}")).await;
    assert_eq!(view["begins_at"], "2999-01-01T00:00:00Z");
    assert_eq!(view["times_out_at"], "2999-01-01T01:00:00Z");
    let list = host.get("/v1/runs?status=pending").await;
    assert_eq!(list["runs"][0]["why"]["text"], "begins at 2999-01-01T00:00:00Z");
    let again = host.steer(run, "run-again", &json!({})).await;
    assert_eq!(again.status(), 201);
    let location = again.headers()["location"].to_str().unwrap().to_owned();
    let again: Value = again.json().await.unwrap();
    let new = again["run_id"].as_str().unwrap();
    assert_eq!(location, format!("/v1/runs/{new}"));
    assert_eq!(host.end(new).await["input"], json!(3));
}

#[test]
fn a_killed_host_goes_on_to_undo_and_keeps_what_is_paused_and_what_begins_later() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let start = |host: &Process, arguments: &[&str]| {
        host.must(&[&["start"], arguments].concat()).trim().to_owned()
    };
    let saga = start(&host, &["program", "--input", &saga().to_string()]);
    let nap = start(&host, &["nap", "--input", "3600000"]);
    let later = start(&host, &["add_steps", "--input", "2", "--after", "24h", "--timeout", "1h"]);
    let said = host.must(&["cancel", &saga, "--within", "2h"]);
    assert_eq!(said, format!("{saga} running: it was told to end, and cleans up; 1 to undo\n"));
    assert_eq!(host.must(&["pause", &nap]), format!("{nap} paused\n"));
    // Dropped, it is killed.
    drop(host);
    let host = Process::serve(data.path());
    let told = host.must(&["run", &saga]);
    assert!(
        told.contains("told to end ") && told.contains("compensation #0 undo, begun "),
        "{told}"
    );
    assert!(host.must(&["run", &nap]).contains("nap  paused"));
    assert!(host.must(&["runs", "--status", "pending"]).contains(&later));
    assert_eq!(host.must(&["cancel", &saga, "--kill"]), format!("{saga} cancelled\n"));
    assert_eq!(host.must(&["resume", &nap]), format!("{nap} running\n"));
    let again = host.must(&["run-again", &later]);
    assert_eq!(
        host.must(&["run", again.trim(), "--wait"])
            .lines()
            .next()
            .map(|line| line.contains("completed")),
        Some(true)
    );
}

#[tokio::test]
async fn a_failed_run_is_tried_again_over_http_and_says_what_was_set_aside() {
    let host = Host::new().await;
    let directory = TempDir::new().unwrap();
    let needed = directory.path().join("needed");
    let run = host.start("needs_file", json!(needed)).await;
    assert_eq!(host.end(&run).await["status"], "failed");
    problem(host.steer(&run, "retry", &json!({ "turn": 7 })).await, 409, "cannot-retry").await;
    let unknown = host.steer(&run, "retry", &json!({ "module": "sha256:00" })).await;
    problem(unknown, 422, "unknown-module").await;
    problem(host.steer(&run, "retry", &json!({ "from": 1 })).await, 400, "malformed-json").await;
    std::fs::write(&needed, "").unwrap();
    host.view(&run, "retry", &json!({})).await;
    let ended = host.end(&run).await;
    assert_eq!(ended["output"], json!(["before", format!("{run}:1"), "after"]), "{ended}");
    problem(host.steer(&run, "retry", &json!({})).await, 409, "not-failed").await;
    let events = host.get(&format!("/v1/runs/{run}/events")).await;
    let retried =
        events["events"].as_array().unwrap().iter().find(|it| it["event"]["type"] == "run_retried");
    let retried = &retried.expect("its history says so")["event"];
    assert_eq!((&retried["set_aside"], &retried["steps"]), (&json!(1), &json!([1])));
    let aside = host.get(&format!("/v1/runs/{run}/events?set_aside=1")).await;
    let types: Vec<_> =
        aside["events"].as_array().unwrap().iter().map(|it| it["event"]["type"].clone()).collect();
    assert_eq!(types, [json!("step_failed"), json!("run_failed")]);
}

#[test]
fn a_host_that_is_killed_goes_on_with_what_is_tried_again() {
    let data = TempDir::new().unwrap();
    let needed = data.path().join("needed");
    let input = json!(needed).to_string();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "needs_file", "--input", &input]).trim().to_owned();
    let (exit, ..) = host.ask(&["run", &run, "--wait"]);
    assert_eq!(exit, Some(4), "there is no such file");
    drop(host);
    let host = Process::serve(data.path());
    std::fs::write(&needed, "").unwrap();
    assert_eq!(host.must(&["retry", &run]), format!("{run} running\n"));
    // Perhaps before the step has begun, perhaps after it.
    drop(host);
    let host = Process::serve(data.path());
    let told = host.must(&["run", &run, "--wait"]);
    assert!(told.contains("completed") && told.contains("tried again"), "{told}");
    let aside = host.must(&["run", &run, "--set-aside", "1"]);
    assert!(aside.contains("there is no file"), "{aside}");
}

#[tokio::test]
async fn a_run_is_forked_over_http_with_another_input_for_the_step_that_failed() {
    let host = Host::new().await;
    let directory = TempDir::new().unwrap();
    let there = directory.path().join("there");
    std::fs::write(&there, "").unwrap();
    let run = host.start("needs_file", json!(directory.path().join("missing"))).await;
    assert_eq!(host.end(&run).await["status"], "failed");
    problem(host.steer(&run, "fork", &json!({ "turn": 7 })).await, 409, "cannot-fork").await;
    let unknown = host.steer(&run, "fork", &json!({ "module": "sha256:00" })).await;
    problem(unknown, 422, "unknown-module").await;
    problem(host.steer(&run, "fork", &json!({ "from": 1 })).await, 400, "malformed-json").await;
    let fork = |path: &std::path::Path| {
        let request = host.request(Method::POST, &format!("/v1/runs/{run}/fork"));
        let body = json!({ "inputs": { "1": { "path": path } } });
        request.header("idempotency-key", "with the file").json(&body).send()
    };
    let forked = fork(&there).await.unwrap();
    assert_eq!(forked.status(), 201);
    let location = forked.headers()["location"].to_str().unwrap().to_owned();
    let forked: Value = forked.json().await.unwrap();
    let new = forked["run_id"].as_str().unwrap();
    assert_eq!(location, format!("/v1/runs/{new}"));
    let ended = host.end(new).await;
    assert_eq!(ended["output"], json!(["before", format!("{new}:1"), "after"]), "{ended}");
    assert_eq!(ended["forked_from"], json!({ "run_id": run, "turn": 2 }));
    let again = fork(&there).await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<Value>().await.unwrap()["run_id"], new);
    problem(fork(directory.path()).await.unwrap(), 422, "other-input").await;
    let events = host.get(&format!("/v1/runs/{new}/events")).await;
    let forked =
        events["events"].as_array().unwrap().iter().find(|it| it["event"]["type"] == "run_forked");
    let forked = &forked.expect("its history says so")["event"];
    assert_eq!(
        (&forked["from"], &forked["inputs"]),
        (&json!(run), &json!({ "1": { "path": there } }))
    );
}

#[test]
fn a_host_that_is_killed_goes_on_with_a_fork() {
    let data = TempDir::new().unwrap();
    let there = data.path().join("there");
    std::fs::write(&there, "").unwrap();
    let input = json!(data.path().join("missing")).to_string();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "needs_file", "--input", &input]).trim().to_owned();
    let (exit, ..) = host.ask(&["run", &run, "--wait"]);
    assert_eq!(exit, Some(4), "there is no such file");
    let given = format!("1={}", json!({ "path": there }));
    let (exit, _, said) = host.ask(&["fork", &run, "--input", &given, "--input", &given]);
    assert!(exit == Some(2) && said.contains("twice"), "{said}");
    let new = host.must(&["fork", &run, "--input", &given]).trim().to_owned();
    // Perhaps before the step has begun, perhaps after it.
    drop(host);
    let host = Process::serve(data.path());
    let told = host.must(&["run", &new, "--wait"]);
    let said = format!("forked   from {run} before turn 2");
    assert!(told.contains("completed") && told.contains(&said), "{told}");
    assert!(told.contains(&format!("the run was forked from {run}")), "{told}");
}
