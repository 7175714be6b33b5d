//! One run of a key at a time, and deleting runs: over HTTP, and on the command line of a real process.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, end, segno};
use crate::support::{Host, basics, problem};

/// A program that waits for a signal.
fn waits() -> Value {
    json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false })
}

impl Host {
    async fn start_if(&self, key: Option<&str>, if_running: &str) -> reqwest::Response {
        let request = self.request(Method::POST, "/v1/workflows/program/runs");
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let body = json!({ "input": waits(), "if_running": if_running });
        request.json(&body).send().await.unwrap()
    }

    async fn delete(&self, run: &str) -> reqwest::Response {
        self.request(Method::DELETE, &format!("/v1/runs/{run}")).send().await.unwrap()
    }
}

#[tokio::test]
async fn a_start_says_what_is_done_while_a_run_of_its_key_goes_on() {
    let host = Host::new().await;
    let first: Value = host.start_if(Some("k"), "refuse").await.json().await.unwrap();
    let refused = host.start_if(Some("k"), "refuse").await;
    assert_eq!(refused.status(), 409);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(
        (&refused["type"], &refused["run_id"]),
        (&json!("urn:segno:problem:already-running"), &first["run_id"])
    );
    let used = host.start_if(Some("k"), "use").await;
    assert_eq!(used.status(), 200);
    assert_eq!(used.json::<Value>().await.unwrap()["run_id"], first["run_id"]);
    let next = host.start_if(Some("k"), "cancel").await;
    assert_eq!(next.status(), 201);
    assert_ne!(next.json::<Value>().await.unwrap()["run_id"], first["run_id"]);
    let ended = host.end(first["run_id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "cancelled");
    problem(host.start_if(None, "use").await, 400, "bad-idempotency-key").await;
    problem(host.start_if(Some("k"), "replace").await, 400, "malformed-json").await;
    let start =
        json!({ "workflow": "program", "input": waits(), "key": "k", "if_running": "cancel" });
    let batch = host.request(Method::POST, "/v1/batch").json(&json!({ "starts": [start] }));
    let detail = problem(batch.send().await.unwrap(), 400, "bad-batch").await;
    assert!(detail.contains("`use` or `refuse`"), "{detail}");
}

#[tokio::test]
async fn a_run_is_deleted_when_it_has_ended_and_then_there_is_no_such_run() {
    let host = Host::new().await;
    let run = host.start("program", waits()).await;
    let detail = problem(host.delete(&run).await, 409, "not-ended").await;
    assert!(detail.contains("cancel it first"), "{detail}");
    host.request(Method::POST, &format!("/v1/runs/{run}/cancel")).send().await.unwrap();
    let deleted = host.delete(&run).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(deleted.text().await.unwrap(), "");
    problem(host.delete(&run).await, 404, "unknown-run").await;
    let events = format!("/v1/runs/{run}/events");
    problem(host.request(Method::GET, &events).send().await.unwrap(), 404, "unknown-run").await;
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[test]
fn the_command_line_has_one_run_at_a_time_and_deletes_runs_and_makes_the_store_small() {
    let directory = TempDir::new().unwrap();
    let host = Process::serve(directory.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let input = waits().to_string();
    let start = |what: &'static str| {
        let key = ["--key", "k", "--if-running", what];
        host.ask(&[&["start", "program", "--input", &input][..], &key].concat())
    };
    let (code, first, _) = start("refuse");
    assert_eq!(code, Some(0), "{first}");
    let (code, _, stderr) = start("refuse");
    assert!(code == Some(1) && stderr.contains("which has not ended"), "{stderr}");
    let (code, used, stderr) = start("use");
    assert_eq!((code, &used), (Some(0), &first));
    assert!(stderr.contains("a run of this key goes on"), "{stderr}");
    let (code, next, _) = start("cancel");
    assert!(code == Some(0) && next != first, "{next}");
    let run = first.trim();
    assert_eq!(host.must(&["delete", run]).trim(), format!("{run} deleted"));
    let (code, _, stderr) = host.ask(&["delete", run]);
    assert!(code == Some(1) && stderr.contains("there is no run"), "{stderr}");
    let json: Value = {
        host.must(&["cancel", next.trim()]);
        serde_json::from_str(&host.must(&["delete", next.trim(), "--json"])).unwrap()
    };
    assert_eq!(json, json!({ "run_id": next.trim() }));
    drop(host);
    let data = directory.path().to_str().unwrap();
    let (code, stdout, stderr) = end(segno().args(["compact", data]));
    assert!(code == Some(0) && stdout.contains(" before, "), "{stdout}{stderr}");
    let (code, stdout, stderr) = end(segno().args(["check", data]));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let (code, _, stderr) = end(segno().args(["compact", "/nonexistent"]));
    assert_eq!(code, Some(1), "{stderr}");
}
