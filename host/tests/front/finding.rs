//! Finding runs and counting them, over HTTP and on the command line of a real process.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::support::{Host, basics, problem};

impl Host {
    async fn start_found_by(&self, attributes: &Value) -> Response {
        let body = json!({ "input": 1, "attributes": attributes });
        self.request(Method::POST, "/v1/workflows/echo/runs").json(&body).send().await.unwrap()
    }

    async fn found(&self, query: &str) -> Vec<String> {
        let page = self.get(&format!("/v1/runs?{query}")).await;
        let runs = page["runs"].as_array().unwrap().iter();
        runs.map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_run_shows_the_attributes_that_it_was_started_with_and_is_found_by_them() {
    let host = Host::new().await;
    let due = json!({ "time": "2026-11-30T00:00:00Z" });
    let attributes = json!({ "customer": "42", "amount": 12.5, "vip": true, "due": due });
    let started: Value = host.start_found_by(&attributes).await.json().await.unwrap();
    let run = started["run_id"].as_str().unwrap();
    assert_eq!(host.end(run).await["attributes"], attributes);
    let other = host.start("echo", json!(2)).await;
    assert_eq!(host.end(&other).await["attributes"], json!({}));
    for query in [
        "attr.customer=42",
        "attr.amount=12.50&attr.vip=true",
        "attr.due=2026-11-30T01:00:00%2B01:00",
        "attr.customer=42&workflow=echo&status=failed,completed&started_after=2026-01-01T00:00:00Z",
    ] {
        assert_eq!(host.found(query).await, [run], "{query}");
        let counts = host.get(&format!("/v1/runs/counts?{query}")).await;
        assert_eq!((&counts["total"], &counts["more"]), (&json!(1), &json!(false)), "{query}");
    }
    for query in ["attr.customer=43", "attr.vip=false", "attr.customer=42&status=failed,blocked"] {
        assert!(host.found(query).await.is_empty(), "{query}");
    }
    let counts = host.get("/v1/runs/counts?workflow=echo").await;
    assert_eq!(counts["by_status"]["completed"], 2);
    assert_eq!(counts["total"], 2);
}

#[tokio::test]
async fn attributes_that_no_run_can_have_are_refused_with_a_sentence() {
    let host = Host::new().await;
    let many: Value = (0..33).map(|number| (format!("n{number}"), json!(number))).collect();
    for (attributes, kind, sentence) in [
        (json!({ "Customer": "1" }), "bad-attribute", "cannot be the name of an attribute"),
        (many, "bad-attribute", "at most 32 attributes, and this one would have 33"),
        (json!({ "a": null }), "malformed-json", "a string, a number, a boolean, or a moment"),
        (json!({ "a": "x".repeat(1_025) }), "malformed-json", "has 1025 bytes"),
    ] {
        let refused = host.start_found_by(&attributes).await;
        let detail = problem(refused, 400, kind).await;
        assert!(detail.contains(sentence), "{detail}");
    }
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[test]
fn runs_are_found_and_counted_on_the_command_line() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let start = ["start", "echo", "--input", "1", "--wait", "--attr", "customer=42"];
    host.must(&[&start[..], &["--attr", "amount:=12.5"]].concat());
    host.must(&["start", "echo", "--input", "2", "--wait"]);
    let listed = host.must(&["runs", "--attr", "customer=42", "--attr", "amount=12.5", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let [run] = listed["runs"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    let told = host.must(&["run", run["run_id"].as_str().unwrap()]);
    assert!(told.contains("found by customer = 42"), "{told}");
    let counted = host.must(&["runs", "--count", "--workflow", "echo"]);
    assert_eq!(counted.trim(), "2 runs\n  completed 2");
    let none = host.must(&["runs", "--count", "--status", "failed,blocked"]);
    assert_eq!(none.trim(), "0 runs");
    let (code, _, stderr) = host.ask(&["runs", "--attr", "customer"]);
    assert_eq!(code, Some(2), "{stderr}");
}
