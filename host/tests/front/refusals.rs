//! What is said of a request that cannot be carried out.

use reqwest::Method;
use segno_host::doors::MAX_WAIT;
use serde_json::json;

use crate::management::UNKNOWN;
use crate::support::{Host, problem};

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
    let bad_query = |path, detail| Bad::get(path, 400, "bad-query", detail);
    for bad in [
        Bad::get("/v1", 404, "unknown-route", "there is no route /v1;"),
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
        bad_query("/v1/runs?status=done", "status: unknown variant `done`, expected one of"),
        bad_query("/v1/runs?limit=0", "limit: write a number from 1 to 1000"),
        bad_query("/v1/runs?limit=1001", "limit: write a number from 1 to 1000"),
        bad_query("/v1/runs?limit=many", "limit: write a number from 1 to 1000"),
        bad_query("/v1/runs?cursor=last", "`last` is not a run ID"),
        bad_query("/v1/runs?attr.Customer=1", "attr.Customer: an attribute has a name"),
        bad_query("/v1/runs?started_after=now", "started_after: `now` is no moment"),
        bad_query("/v1/runs/counts?trouble", "trouble: what is in trouble can be listed"),
        bad_query("/v1/runs/counts?limit=1", "unknown field `limit`"),
        bad_query("/v1/runs?flow=x", "unknown field `flow`, expected one of `workflow`"),
        bad_query("/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS?wait=soon", "`soon` is not a duration"),
        bad_query(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS?wait=301s",
            "wait: at most 300s can be waited for",
        ),
        bad_query(
            "/v1/runs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS/events?cursor=-1",
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
    let malformed = |body, detail| Bad::post(START, body, 400, "malformed-json", detail);
    let nested: &str = format!("{{\"input\": {}{}}}", "[".repeat(101), "]".repeat(101)).leak();
    for bad in [
        Bad::post(
            "/v1/workflows/ecko/runs",
            "{}",
            404,
            "unknown-workflow",
            "there is no workflow `ecko`; known are",
        ),
        malformed(nested, "the input is nested more than 100 levels deep"),
        malformed(r#"{"input": "\ud800"}"#, "unexpected end of hex escape"),
        malformed(r#"{"input": [1e999]}"#, "number out of range at line 1"),
        malformed("{", "EOF while parsing an object at line 1 column 1"),
        malformed("{\"input\": tru}", "expected ident at line 1 column 14"),
        malformed("{\"imput\": 1}", "unknown field `imput`, expected one of `input`"),
        malformed("[1]", "it is not a JSON object"),
        malformed("\u{0}", "expected value at line 1 column 1"),
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
