//! What the management API promises, over real sockets and with a real engine.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Host, basics, problem};

/// A run that is not there.
pub(crate) const UNKNOWN: &str = "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS";

#[tokio::test]
async fn an_input_over_the_limit_is_413_however_it_comes() {
    let host = Host::with(guest_basics::steps(), |options| options.limits.payload = 1_000).await;
    let start = |input: String| {
        let body = format!("{{\"input\":\"{input}\"}}");
        host.request(Method::POST, "/v1/workflows/echo/runs")
            .header("content-type", "application/json")
            .body(body)
    };
    assert_eq!(start("x".repeat(998)).send().await.unwrap().status(), 201);
    let detail = problem(start("x".repeat(999)).send().await.unwrap(), 413, "too-large").await;
    assert_eq!(detail, "the input has 1001 bytes, but at most 1000 are allowed");
    let detail = problem(start("x".repeat(100_000)).send().await.unwrap(), 413, "too-large").await;
    assert!(detail.starts_with("the body is larger than the "), "{detail}");
    assert_eq!(host.get("/v1/runs").await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_start_without_a_body_gives_the_workflow_null() {
    let host = Host::new().await;
    let response = host.request(Method::POST, "/v1/workflows/echo/runs").send().await.unwrap();
    assert_eq!(response.status(), 201);
    let started: Value = response.json().await.unwrap();
    let view = host.end(started["run_id"].as_str().unwrap()).await;
    assert_eq!(view["input"], Value::Null);
}

#[tokio::test]
async fn waiting_ends_with_the_run_or_with_the_time() {
    let host = Host::new().await;
    let nap = host.start("nap", json!(20)).await;
    assert_eq!(host.end(&nap).await["status"], "completed");

    let (run, url) = host.hook("hook", 1).await;
    let view = host.get(&format!("/v1/runs/{run}?wait=1ms")).await;
    assert_eq!(view["status"], "running");
    assert_eq!(view["waits_for"][0]["type"], "webhook");
    assert_eq!(view["waits_for"][0]["url"], url);
}

#[tokio::test]
async fn runs_are_listed_newest_first_in_pages() {
    let host = Host::new().await;
    let mut started = Vec::new();
    for n in 0..5 {
        started.push(host.start("echo", json!(n)).await);
    }
    let failed = host.start("fails", json!("on purpose")).await;
    host.end(&failed).await;
    started.reverse();

    let mut listed = Vec::new();
    let mut path = "/v1/runs?workflow=echo&limit=2".to_owned();
    loop {
        let page = host.get(&path).await;
        let runs = page["runs"].as_array().unwrap();
        assert!(runs.len() <= 2);
        listed.extend(runs.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/runs?workflow=echo&limit=2&cursor={next}");
    }
    assert_eq!(listed, started);

    let page = host.get("/v1/runs?status=failed").await;
    assert_eq!(page["runs"].as_array().unwrap().len(), 1);
    assert_eq!(page["runs"][0]["run_id"], failed);
}

#[tokio::test]
async fn a_history_read_in_pages_is_the_history() {
    let host = Host::new().await;
    let run = host.start("add_steps", json!(5)).await;
    assert_eq!(host.end(&run).await["output"], 5);
    let whole = host.get(&format!("/v1/runs/{run}/events")).await;
    assert_eq!(whole["events"][0]["event"]["type"], "run_started");
    assert_eq!(whole["next"], Value::Null);

    let mut read = Vec::new();
    let mut cursor = json!(0);
    while let Some(from) = cursor.as_u64() {
        let page = host.get(&format!("/v1/runs/{run}/events?limit=2&cursor={from}")).await;
        read.extend(page["events"].as_array().unwrap().clone());
        cursor = page["next"].clone();
    }
    assert_eq!(json!(read), whole["events"]);
}

#[tokio::test]
async fn a_cancelled_run_stays_cancelled_and_an_ended_one_cannot_be() {
    let host = Host::new().await;
    let (run, url) = host.hook("hook", 1).await;
    for _ in 0..2 {
        let request = host.request(Method::POST, &format!("/v1/runs/{run}/cancel"));
        let view: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(view["status"], "cancelled");
    }
    problem(host.client.get(url).send().await.unwrap(), 410, "webhook-closed").await;

    let ended = host.start("echo", json!(1)).await;
    host.end(&ended).await;
    let request = host.request(Method::POST, &format!("/v1/runs/{ended}/cancel"));
    let detail = problem(request.send().await.unwrap(), 409, "already-ended").await;
    assert_eq!(
        detail,
        format!("run {ended} has already ended; only a run that has not ended can be cancelled")
    );
}

#[tokio::test]
async fn only_a_blocked_run_can_be_resumed_and_only_on_a_module_that_there_is() {
    let host = Host::new().await;
    let (run, _) = host.hook("hook", 1).await;
    let resume = |body: &'static str| {
        let request = host.request(Method::POST, &format!("/v1/runs/{run}/resume"));
        request.header("content-type", "application/json").body(body).send()
    };
    problem(resume("").await.unwrap(), 409, "not-blocked").await;
    problem(resume("{}").await.unwrap(), 409, "not-blocked").await;
    problem(resume("{\"digest\":1}").await.unwrap(), 400, "malformed-json").await;
    let detail =
        problem(resume("{\"module\":\"sha256:1\"}").await.unwrap(), 422, "unknown-module").await;
    assert_eq!(detail, "there is no module sha256:1; `segno modules` lists those that there are");
}

#[tokio::test]
async fn a_component_is_deployed_once_and_listed_once() {
    let host = Host::empty(guest_basics::steps(), |_options| {}).await;
    assert_eq!(host.get("/v1/modules").await, json!({ "modules": [] }));
    let wasm = std::fs::read(basics()).unwrap();
    let deploy = || host.request(Method::PUT, "/v1/modules").body(wasm.clone()).send();
    let first = deploy().await.unwrap();
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["unchanged"], &first["warnings"]), (&json!(false), &json!([])));
    assert!(first["workflows"].as_array().unwrap().contains(&json!("echo")));
    let second = deploy().await.unwrap();
    assert_eq!(second.status(), 200);
    let second: Value = second.json().await.unwrap();
    assert_eq!((&second["unchanged"], &second["digest"]), (&json!(true), &first["digest"]));

    let modules = host.get("/v1/modules").await;
    assert_eq!(modules["modules"].as_array().unwrap().len(), 1);
    assert_eq!(modules["modules"][0]["digest"], first["digest"]);
    assert_eq!(modules["modules"][0]["size"], wasm.len());
}

#[tokio::test]
async fn a_bad_module_is_named_and_changes_nothing() {
    let host = Host::new().await;
    let before = host.get("/v1/modules").await;
    let wasm = std::fs::read(basics()).unwrap();
    let half = wasm[..wasm.len() / 2].to_vec();
    let wat = |text: &str| wat::parse_str(text).unwrap();
    for (module, kind, detail) in [
        (Vec::new(), "not-webassembly", "this is not WebAssembly"),
        (b"#!/bin/sh".to_vec(), "not-webassembly", "this is not WebAssembly"),
        (wat("(module)"), "core-module", "this is a core WebAssembly module, not a component"),
        (half, "invalid-module", "this component is damaged or cut short"),
        (
            wat(r#"(component (import "acme:clock/now@1.0.0" (instance)))"#),
            "unknown-import",
            "this component imports `acme:clock/now@1.0.0`, which this host does not offer",
        ),
        (wat("(component)"), "not-a-workflow", "does its lib.rs have `segno::export!(..)`?"),
    ] {
        let request = host.request(Method::PUT, "/v1/modules").body(module);
        let said = problem(request.send().await.unwrap(), 422, kind).await;
        assert!(said.contains(detail), "{said}");
    }
    assert_eq!(host.get("/v1/modules").await, before);
    let run = host.start("echo", json!(7)).await;
    assert_eq!(host.end(&run).await["output"], 7);
}

#[tokio::test]
async fn a_host_that_stops_says_so_and_stores_nothing() {
    let host = Host::new().await;
    assert_eq!(host.get("/healthz").await, json!({ "status": "ok" }));
    let (_, url) = host.hook("hook", 1).await;
    host.server.engine().shutdown().await;
    let health = host.request(Method::GET, "/healthz").send().await.unwrap();
    problem(health, 503, "not-ready").await;
    let start = host.request(Method::POST, "/v1/workflows/echo/runs").send().await.unwrap();
    problem(start, 503, "stopping").await;
    problem(host.client.post(url).send().await.unwrap(), 503, "stopping").await;
}

/// A line of the metrics: the value of a counter.
fn counted(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is missing in\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn what_the_host_does_is_counted() {
    let host = Host::new().await;
    let run = host.start("add_steps", json!(3)).await;
    host.end(&run).await;
    let (_, url) = host.hook("hook", 2).await;
    host.client.post(&url).body("x").send().await.unwrap();
    host.client.post(format!("{url}0")).body("x").send().await.unwrap();
    let response = host.request(Method::GET, "/metrics").send().await.unwrap();
    let media_type = response.headers()["content-type"].to_str().unwrap();
    assert!(media_type.starts_with("application/openmetrics-text"), "{media_type}");
    let metrics = response.text().await.unwrap();
    // Four turns of the one, and three of the other: the start, its step, the call.
    assert_eq!(counted(&metrics, "segno_turns_total"), 7);
    assert!((1..=9).contains(&counted(&metrics, "segno_commits_total")), "{metrics}");
    assert_eq!(counted(&metrics, "segno_runs_unfinished"), 1);
    assert_eq!(counted(&metrics, "segno_guests_live"), 1);
    assert_eq!(counted(&metrics, "segno_steps_running"), 0);
    assert!(counted(&metrics, "segno_store_bytes") > 0, "the file is there");
    assert!(counted(&metrics, "segno_store_cache_bytes") > 0, "what was written is in memory");
    assert_eq!(counted(&metrics, r#"segno_steps_ended_total{outcome="succeeded"}"#), 4);
    assert_eq!(counted(&metrics, "segno_webhooks_called_total"), 1);
    assert_eq!(counted(&metrics, r#"segno_requests_total{door="webhooks",status="2xx"}"#), 1);
    assert_eq!(counted(&metrics, r#"segno_requests_total{door="webhooks",status="4xx"}"#), 1);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
}
