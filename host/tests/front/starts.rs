//! What the start of a run promises, over real sockets and with a real engine.

use reqwest::{Method, RequestBuilder};
use segno::Steps;
use serde_json::{Value, json};

use crate::support::{Host, problem, rogue};

/// A start with a key, and an input as it is written.
fn start(host: &Host, workflow: &str, key: &str, input: &str) -> RequestBuilder {
    host.request(Method::POST, &format!("/v1/workflows/{workflow}/runs"))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(format!("{{\"input\": {input}}}"))
}

#[tokio::test]
async fn a_start_is_201_and_the_same_key_gives_the_same_run() {
    let host = Host::new().await;
    let start = || {
        host.request(Method::POST, "/v1/workflows/echo/runs")
            .header("idempotency-key", "order-17")
            .json(&json!({ "input": {"n": 1.50} }))
    };
    let first = start().send().await.unwrap();
    assert_eq!(first.status(), 201);
    let location = first.headers()["location"].to_str().unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    assert_eq!(location, format!("/v1/runs/{}", first["run_id"].as_str().unwrap()));

    let second = start().send().await.unwrap();
    assert_eq!(second.status(), 200);
    assert_eq!(second.headers()["location"], location);
    let second: Value = second.json().await.unwrap();
    assert_eq!(second["run_id"], first["run_id"]);

    let view = host.end(first["run_id"].as_str().unwrap()).await;
    assert_eq!((&view["status"], &view["output"]), (&json!("completed"), &json!({"n": 1.5})));
    assert_eq!(host.get("/v1/runs").await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_with_another_input_is_422_and_names_the_run_that_has_the_key() {
    let host = Host::new().await;
    let first =
        start(&host, "echo", "order-17", r#"{"customer":"Ada","amount":7}"#).send().await.unwrap();
    let first: Value = first.json().await.unwrap();
    for other in [r#"{"customer":"Ada","amount":8}"#, r#"{"customer":"Ada"}"#, "null", "[]"] {
        let refused = start(&host, "echo", "order-17", other).send().await.unwrap();
        assert_eq!(refused.status(), 422, "{other}");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["type"], "urn:segno:problem:other-input", "{body}");
        assert_eq!(body["run_id"], first["run_id"], "{body}");
        assert!(body["detail"].as_str().unwrap().contains("with another input"), "{body}");
    }
    assert_eq!(host.get("/v1/runs").await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_input_that_is_only_written_differently_is_the_same_input() {
    let host = Host::new().await;
    let first = start(&host, "echo", "order-17", r#"{"customer":"\u0041da","amount":7}"#)
        .send()
        .await
        .unwrap();
    let first: Value = first.json().await.unwrap();
    let again = start(&host, "echo", "order-17", "{ \"amount\": 7,\n\"customer\": \"Ada\" }")
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<Value>().await.unwrap()["run_id"], first["run_id"]);
}

#[tokio::test]
async fn a_key_belongs_to_its_workflow() {
    let host = Host::new().await;
    assert_eq!(start(&host, "echo", "k", "1").send().await.unwrap().status(), 201);
    assert_eq!(start(&host, "fails", "k", "\"x\"").send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_run_that_was_blocked_at_its_start_still_knows_its_input() {
    let host = Host::empty(Steps::new(), |_options| {}).await;
    let wasm = std::fs::read(rogue()).unwrap();
    host.server.engine().deploy(wasm.into()).await.expect("the module is good");
    let first = start(&host, "panic", "k", "\"1\"").send().await.unwrap();
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    assert_eq!(host.end(first["run_id"].as_str().unwrap()).await["status"], "blocked");
    assert_eq!(start(&host, "panic", "k", "\"1\"").send().await.unwrap().status(), 200);
    let refused = start(&host, "panic", "k", "\"2\"").send().await.unwrap();
    problem(refused, 422, "other-input").await;
}

#[tokio::test]
async fn an_input_that_the_workflow_cannot_take_is_422_and_no_run() {
    let host = Host::new().await;
    for (workflow, input, sentence) in [
        (
            "add_steps",
            "-1",
            "the input does not fit the parameter `n`: invalid value: integer `-1`, expected u64",
        ),
        ("race", r#"{"requests":1}"#, "missing field `ms` at line 1 column 14"),
        ("hook_busy", "17", "this workflow has no parameter, so it takes no input: leave it out"),
    ] {
        for key in ["once", "twice"] {
            let refused = start(&host, workflow, key, input).send().await.unwrap();
            let detail = problem(refused, 422, "refused-input").await;
            assert!(
                detail.starts_with(&format!("workflow `{workflow}` cannot be started: ")),
                "{detail}"
            );
            assert!(detail.contains(sentence), "{detail}");
        }
    }
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
    // The key is free for a start that can be.
    assert_eq!(start(&host, "add_steps", "once", "1").send().await.unwrap().status(), 201);
    let metrics = host.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(!metrics.contains("segno_runs_unfinished 2"), "{metrics}");
}
