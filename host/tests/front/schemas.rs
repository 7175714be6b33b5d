//! What a client is told of the types of a workflow, before it starts one.

use std::path::Path;

use reqwest::Method;
use segno::Steps;
use serde_json::{Value, json};

use crate::support::{Host, basics, problem, typed};

/// A host with the component at this path.
async fn host(component: &Path, steps: Steps) -> Host {
    let wasm = std::fs::read(component).unwrap();
    let host = Host::empty(steps, |_options| {}).await;
    host.server.engine().deploy(wasm.into()).await.expect("the module is good");
    host
}

#[tokio::test]
async fn a_workflow_shows_the_schemas_of_what_it_takes_and_returns() {
    // What is asked for schemas is no part of what is deployed.
    let wasm = std::fs::read(typed()).unwrap();
    assert!(!String::from_utf8_lossy(&wasm).contains("segno:workflow/schemas@"));

    let host = host(typed(), Steps::new()).await;
    let pack = host.get("/v1/workflows/pack").await;
    let input = &pack["input"];
    let output = &pack["output"];
    assert_eq!(input["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(input["description"], "What is to be packed.");
    assert_eq!(input["properties"]["pieces"]["type"], "integer");
    // What need not be given is there when it is written.
    assert_eq!(input["required"], json!(["pieces"]));
    assert_eq!(output["required"], json!(["grams", "label"]));
    assert_eq!(output["properties"]["grams"]["description"], "How heavy it is.");
    assert!(pack["module"].as_str().unwrap().starts_with("sha256:"));

    let wrap = host.get("/v1/workflows/wrap").await;
    assert_eq!((&wrap["input"]["type"], &wrap["keep"]), (&json!("null"), &json!(10)));
    assert_eq!(wrap["output"], *output, "an alias is what it stands for");
    let tick = host.get("/v1/workflows/tick").await;
    assert_eq!((&tick["input"]["type"], tick.get("output")), (&json!("integer"), None));
    let seal = host.get("/v1/workflows/seal").await;
    assert_eq!(seal["output"], *output, "its error is no matter");
    let hide = host.get("/v1/workflows/hide").await;
    assert_eq!((hide.get("input"), &hide["output"]["type"]), (None, &json!("integer")));
}

#[tokio::test]
async fn whether_an_input_fits_is_said_by_the_code_that_takes_it() {
    let host = host(typed(), Steps::new()).await;
    let start = |input: Value| {
        let request = host.request(Method::POST, "/v1/workflows/pack/runs");
        request.json(&json!({ "input": input })).send()
    };
    let refused = start(json!({ "pieces": -1 })).await.unwrap();
    let detail = problem(refused, 422, "refused-input").await;
    assert!(detail.contains("`goods`") && detail.contains("-1"), "{detail}");
    assert_eq!(start(json!({ "pieces": 3 })).await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_crate_without_schemas_has_workflows_without_schemas() {
    let host = host(basics(), guest_basics::steps()).await;
    let echo = host.get("/v1/workflows/echo").await;
    assert_eq!((echo.get("input"), echo.get("output")), (None, None));
    let unknown = host.request(Method::GET, "/v1/workflows/none").send().await.unwrap();
    problem(unknown, 404, "unknown-workflow").await;
}
