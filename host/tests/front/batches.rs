//! Batches over HTTP, and on the command line of a real process.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::support::{Host, basics, problem};

impl Host {
    async fn batch(&self, key: Option<&str>, batch: &Value) -> Response {
        let request = self.request(Method::POST, "/v1/batch").json(batch);
        let request = key.into_iter().fold(request, |it, key| it.header("idempotency-key", key));
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn a_batch_is_201_and_the_same_key_gives_the_same_runs() {
    let host = Host::new().await;
    let run = host.start("order", json!("Elm Street 1")).await;
    let batch = json!({
        "starts": [
            { "workflow": "echo", "input": { "n": 1.5 } },
            { "workflow": "mailbox", "input": 1, "signals": [{ "name": "note", "payload": "a" }, { "name": "note", "payload": "b" }, { "name": "note", "payload": "c" }] },
        ],
        "signals": [{ "run_id": run, "name": "change_address", "payload": "Oak Street 2" }, { "run_id": run, "name": "ship" }, { "run_id": run, "name": "arrive" }],
    });
    let first = host.batch(Some("b"), &batch).await;
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    let starts = first["starts"].as_array().unwrap();
    assert!(starts.iter().all(|start| start["created"] == true), "{first}");
    let ids: Vec<_> = starts.iter().map(|start| start["run_id"].as_str().unwrap()).collect();
    assert_eq!(host.end(ids[0]).await["output"], json!({ "n": 1.5 }));
    assert_eq!(host.end(ids[1]).await["output"], json!(["a", "b", "c"]));
    assert_eq!(host.end(&run).await["output"], "Oak Street 2");

    let again = host.batch(Some("b"), &batch).await;
    assert_eq!(again.status(), 200, "also when a run has ended that it sent something to");
    let again: Value = again.json().await.unwrap();
    let known = json!({ "run_id": ids[0], "status": "completed", "created": false });
    assert_eq!(again["starts"][0], known);
    let other = host.batch(Some("b"), &json!({ "starts": [{ "workflow": "echo" }] })).await;
    problem(other, 422, "other-batch").await;
    assert_eq!(host.get("/v1/runs").await["runs"].as_array().unwrap().len(), 3);
}

/// A host refuses a batch with this status and kind, and says this.
async fn refuses(host: &Host, batch: &Value, (status, kind): (u16, &str), sentence: &str) {
    let detail = problem(host.batch(None, batch).await, status, kind).await;
    assert!(detail.contains(sentence), "{detail}");
}

#[tokio::test]
async fn what_cannot_be_a_batch_is_refused_with_a_sentence() {
    let host = Host::new().await;
    let (unusable, no_json) = ((400, "bad-batch"), (400, "malformed-json"));
    let echo = json!({ "workflow": "echo" });
    let note = json!({ "run_id": "run_00000000000000000000000000", "name": "a" });
    let too_much = json!({ "starts": vec![&echo; 600], "signals": vec![&note; 401] });
    refuses(&host, &json!({}), unusable, "a batch has from 1 to 1000 starts and signals").await;
    refuses(&host, &too_much, unusable, "this one has 1001").await;
    let too_long = json!({ "starts": vec![&echo; 1_001] });
    refuses(&host, &too_long, no_json, "a list of at most 1000 entries").await;
    let twice = json!({ "workflow": "echo", "key": "k" });
    let same = json!({ "starts": [twice, twice] });
    refuses(&host, &same, unusable, "because of starts[1]: another start").await;
    refuses(&host, &json!({ "starts": [{}] }), no_json, "missing field `workflow`").await;
    refuses(&host, &json!({ "begins": [] }), no_json, "unknown field `begins`").await;
    let nobody = json!({ "signals": [{ "run_id": "x", "name": "a" }] });
    refuses(&host, &nobody, no_json, "`x` is not a run ID").await;
    let body = host.request(Method::POST, "/v1/batch").body(vec![b' '; (16 << 20) + 1]);
    let sent = body.header("content-type", "application/json").send().await.unwrap();
    problem(sent, 413, "too-large").await;
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_part_of_a_batch_names_the_part() {
    let host = Host::new().await;
    let first = "because of starts[0]: ";
    let start = |more: Value| {
        let mut start = json!({ "workflow": "echo" });
        start.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "starts": [start] })
    };
    let deep = ("[".repeat(101) + &"]".repeat(101)).parse::<Value>().unwrap();
    let nested = start(json!({ "input": deep }));
    refuses(&host, &nested, (400, "malformed-json"), &format!("{first}the input is nested")).await;
    let signals = start(json!({ "signals": vec![json!({ "name": "a" }); 101] }));
    refuses(&host, &signals, (400, "malformed-json"), "at most 100 entries").await;
    let key = start(json!({ "key": "" }));
    refuses(&host, &key, (400, "bad-idempotency-key"), first).await;
    let unknown = json!({ "starts": [{ "workflow": "echo" }, { "workflow": "no" }] });
    refuses(&host, &unknown, (404, "unknown-workflow"), "because of starts[1]: ").await;
    let first = "because of signals[0]: ";
    let signal = |name: &str, payload: Value| {
        let nobody = "run_00000000000000000000000000";
        json!({ "signals": [{ "run_id": nobody, "name": name, "payload": payload }] })
    };
    refuses(&host, &signal("a", json!(1)), (404, "unknown-run"), first).await;
    refuses(&host, &signal("", json!(1)), (400, "bad-name"), first).await;
    let large = signal("a", json!("x".repeat((1 << 20) + 1)));
    refuses(&host, &large, (413, "too-large"), &format!("{first}what a signal brings has")).await;
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[test]
fn the_command_line_stores_a_batch_of_a_file_once_also_over_a_kill() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let host = Process::serve(&data);
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "order", "--input", "\"Elm Street 1\""]).trim().to_owned();
    let file = directory.path().join("batch.json");
    let signals = json!([{ "run_id": run, "name": "ship" }, { "run_id": run, "name": "arrive" }]);
    let starts = json!([{ "workflow": "echo", "input": 1 }, { "workflow": "echo", "input": 2 }]);
    std::fs::write(&file, json!({ "starts": starts, "signals": signals }).to_string()).unwrap();
    let file = file.to_str().unwrap();
    let first = host.must(&["batch", file, "--key", "b"]);
    assert_eq!(first.lines().count(), 2, "{first}");
    // This kills it.
    drop(host);
    let host = Process::serve(&data);
    assert_eq!(host.must(&["batch", file, "--key", "b"]), first);
    let ended: Value =
        serde_json::from_str(&host.must(&["run", &run, "--json", "--wait"])).unwrap();
    assert_eq!(ended["output"], "Elm Street 1");
    for run in first.lines() {
        host.must(&["run", run, "--wait"]);
    }
    let (code, _, said) = host.ask(&["batch", file]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("because of signals[0]"), "{said}");
    std::fs::write(file, "{").unwrap();
    assert_eq!(host.ask(&["batch", file]).0, Some(2));
}
