//! What the management API promises, over real sockets and with a real engine.

use reqwest::Method;
use segno_host::doors::MAX_WAIT;
use serde_json::{Value, json};

use crate::support::{Host, basics, problem};

/// A request that cannot be carried out, and what is said about it.
struct Bad {
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    kind: &'static str,
    detail: &'static str,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
pub(crate) const UNKNOWN: &str = "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS";

impl Bad {
    const fn get(
        path: &'static str,
        status: u16,
        kind: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { method: Method::GET, path, headers: &[], body: "", status, kind, detail }
    }

    const fn post(
        path: &'static str,
        body: &'static str,
        status: u16,
        kind: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { method: Method::POST, path, headers: JSON, body, status, kind, detail }
    }

    fn with(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    async fn check(self, host: &Host) {
        let Self { method, path, headers, body, status, kind, detail } = self;
        let mut request = host.request(method.clone(), path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let said = problem(request.send().await.unwrap(), status, kind).await;
        assert!(said.contains(detail), "{method} {path}: {said}");
    }
}

#[tokio::test]
async fn a_bad_path_or_query_says_what_is_wrong_with_it() {
    let host = Host::new().await;
    for bad in [
        Bad::get("/", 404, "unknown-route", "there is no route /;"),
        Bad::get("/v1/run", 404, "unknown-route", "there is no route /v1/run;"),
        Bad::get("/v1/runs/", 404, "unknown-route", "there is no route /v1/runs/;"),
        Bad {
            method: Method::DELETE,
            ..Bad::get("/v1/runs", 405, "unknown-method", "does not take DELETE")
        },
        Bad {
            method: Method::PUT,
            ..Bad::get("/healthz", 405, "unknown-method", "does not take PUT")
        },
        Bad::get(
            "/v1/runs/run_1",
            400,
            "bad-path",
            "`run_1` is not a run ID: it is `run_` and 26 characters",
        ),
        Bad::get("/v1/runs/%FF", 400, "bad-path", "UTF-8"),
        Bad::get("/v1/runs/run_1/events", 400, "bad-path", "`run_1` is not a run ID"),
        Bad::post("/v1/runs/run_1/cancel", "", 400, "bad-path", "`run_1` is not a run ID"),
        Bad::get(UNKNOWN, 404, "unknown-run", "there is no run run_01JAB3CD4EF5GH6JK7MN8PQ9RS"),
        Bad::get(
            "/v1/runs?status=done",
            400,
            "bad-query",
            "status: unknown variant `done`, expected one of",
        ),
        Bad::get("/v1/runs?limit=0", 400, "bad-query", "limit: write a number from 1 to 1000"),
        Bad::get("/v1/runs?limit=1001", 400, "bad-query", "limit: write a number from 1 to 1000"),
        Bad::get("/v1/runs?limit=many", 400, "bad-query", "limit: write a number from 1 to 1000"),
        Bad::get("/v1/runs?cursor=last", 400, "bad-query", "`last` is not a run ID"),
        Bad::get(
            "/v1/runs?flow=x",
            400,
            "bad-query",
            "unknown field `flow`, expected one of `workflow`",
        ),
        Bad::get(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS?wait=soon",
            400,
            "bad-query",
            "`soon` is not a duration",
        ),
        Bad::get(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS?wait=301s",
            400,
            "bad-query",
            "wait: at most 300s can be waited for",
        ),
        Bad::get(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS/events?cursor=-1",
            400,
            "bad-query",
            "cursor: `-1` is not the number of a turn",
        ),
        Bad::get(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS/events",
            404,
            "unknown-run",
            "there is no run",
        ),
    ] {
        bad.check(&host).await;
    }
    assert_eq!(MAX_WAIT.as_secs(), 300);
}

#[tokio::test]
async fn a_bad_start_says_what_is_wrong_with_it_and_starts_nothing() {
    let host = Host::new().await;
    const START: &str = "/v1/workflows/echo/runs";
    let nested: &str = format!("{{\"input\": {}{}}}", "[".repeat(101), "]".repeat(101)).leak();
    for bad in [
        Bad::post(
            "/v1/workflows/ecko/runs",
            "{}",
            404,
            "unknown-workflow",
            "there is no workflow `ecko`; known are",
        ),
        Bad::post(
            START,
            nested,
            400,
            "malformed-json",
            "the input is nested more than 100 levels deep",
        ),
        Bad::post(
            START,
            r#"{"input": "\ud800"}"#,
            400,
            "malformed-json",
            "unexpected end of hex escape",
        ),
        Bad::post(
            START,
            r#"{"input": [1e999]}"#,
            400,
            "malformed-json",
            "number out of range at line 1",
        ),
        Bad::post(
            START,
            "{",
            400,
            "malformed-json",
            "EOF while parsing an object at line 1 column 1",
        ),
        Bad::post(
            START,
            "{\"input\": tru}",
            400,
            "malformed-json",
            "expected ident at line 1 column 14",
        ),
        Bad::post(
            START,
            "{\"imput\": 1}",
            400,
            "malformed-json",
            "unknown field `imput`, expected `input`",
        ),
        Bad::post(START, "[1]", 400, "malformed-json", "it is not a JSON object"),
        Bad::post(START, "\u{0}", 400, "malformed-json", "expected value at line 1 column 1"),
        Bad::post(START, "{}", 415, "not-json", "`Content-Type: application/json`")
            .with(&[("content-type", "text/plain")]),
        Bad::post(START, "input=1", 415, "not-json", "`Content-Type: application/json`").with(&[]),
        Bad::post(
            START,
            "{}",
            400,
            "bad-idempotency-key",
            "between 1 and 256 bytes; this one has 0",
        )
        .with(&[("content-type", "application/json"), ("idempotency-key", "")]),
    ] {
        bad.check(&host).await;
    }
    let long = "k".repeat(257);
    let request = host.request(Method::POST, START).header("idempotency-key", long);
    problem(request.send().await.unwrap(), 400, "bad-idempotency-key").await;
    let bytes = reqwest::header::HeaderValue::from_bytes(&[0xff]).unwrap();
    let request = host.request(Method::POST, START).header("idempotency-key", bytes);
    let detail = problem(request.send().await.unwrap(), 400, "bad-idempotency-key").await;
    assert_eq!(detail, "the idempotency key must be text in UTF-8");
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

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
