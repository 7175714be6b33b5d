//! A host that lacks steps: what it says to those who deploy and start, before anything is begun that
//! it could not bring to an end.

use reqwest::Method;
use segno::Steps;
use serde_json::{Value, json};

use crate::support::{Host, basics, problem};

#[tokio::test]
async fn a_module_that_wants_steps_which_the_host_lacks_is_deployed_only_where_that_is_allowed() {
    let host = Host::empty(Steps::new(), |_options| {}).await;
    let wasm = std::fs::read(basics()).unwrap();
    let deploy = |query: &str| {
        host.request(Method::PUT, &format!("/v1/modules{query}")).body(wasm.clone()).send()
    };
    let refused = deploy("").await.unwrap();
    let detail = problem(refused, 409, "missing-steps-at-deploy").await;
    assert!(detail.contains("`add`") && detail.contains("--allow-missing-steps"), "{detail}");
    assert_eq!(host.get("/v1/modules").await["modules"], json!([]));
    let deployed = deploy("?allow-missing-steps=true").await.unwrap();
    assert_eq!(deployed.status(), 201);
    let deployed: Value = deployed.json().await.unwrap();
    let warnings = deployed["warnings"].to_string();
    assert!(warnings.contains("this host has no step `add`"), "{warnings}");
}

#[tokio::test]
async fn a_start_that_needs_steps_which_the_host_lacks_is_503_with_their_list() {
    let host = Host::empty(Steps::new(), |_options| {}).await;
    let wasm = std::fs::read(basics()).unwrap();
    host.request(Method::PUT, "/v1/modules?allow-missing-steps=true")
        .body(wasm)
        .send()
        .await
        .unwrap();
    let start = host.request(Method::POST, "/v1/workflows/echo/runs").json(&json!({ "input": 1 }));
    let refused = start.send().await.unwrap();
    assert_eq!(refused.status(), 503);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["type"], "urn:segno:problem:missing-steps", "{body}");
    assert!(body["missing_steps"].as_array().unwrap().contains(&json!("add")), "{body}");
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]), "nothing was stored");
}
