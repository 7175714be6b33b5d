//! The guide to hooks and webhooks that users of Vercel's Workflow DevKit know, behaviour by behaviour, as
//! its version 4 has them ([its documentation](https://useworkflow.dev/docs/foundations/hooks)): what of it
//! holds here, what is decided otherwise, and which test says so.
//!
//! The tables are checked: each test that they name is there, and they name each test of these modules.

mod hooks;
mod webhooks;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::Host;

/// What is in the history of a run, of these types, in order.
async fn history(host: &Host, run: &str, types: &[&str]) -> Vec<Value> {
    let page = host.get(&format!("/v1/runs/{run}/events?limit=1000")).await;
    let events = page["events"].as_array().unwrap().iter().map(|entry| entry["event"].clone());
    events.filter(|event| types.contains(&event["type"].as_str().unwrap())).collect()
}

/// Sends a run a signal that its workflow answers once it has done what it says.
async fn tell(host: &Host, run: &str, name: &str) {
    let path = format!("/v1/runs/{run}/signals/{name}?wait=60s");
    assert_eq!(post(host, &path).await.status(), 200, "{name}");
}

/// A request to the management API that says nothing more.
async fn post(host: &Host, path: &str) -> Response {
    host.request(Method::POST, path).send().await.unwrap()
}

/// Waits until something is in the history of a run.
async fn until(host: &Host, run: &str, kind: &str, count: usize) {
    while history(host, run, &[kind]).await.len() < count {
        tokio::task::yield_now().await;
    }
}
