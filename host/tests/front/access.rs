//! Who gets in, and what there is behind the door.

use reqwest::Method;
use segno_host::doors::Token;
use serde_json::json;

use crate::management::UNKNOWN;
use crate::support::{Host, problem};

#[tokio::test]
async fn with_a_token_nothing_but_the_health_is_open() {
    let token = Token::new("s3cret").unwrap();
    let host = Host::with(guest_basics::steps(), |options| options.token = Some(token)).await;
    assert_eq!(host.get("/healthz").await, json!({ "status": "ok" }));
    for (method, path) in [
        (Method::GET, "/v1/runs"),
        (Method::GET, UNKNOWN),
        (Method::POST, "/v1/workflows/echo/runs"),
        (Method::PUT, "/v1/modules"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/metrics"),
        (Method::GET, "/nothing"),
    ] {
        let response = host.request(method.clone(), path).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"segno\"");
        problem(response, 401, "unauthorized").await;
        let wrong = host.request(method, path).bearer_auth("s3cre").send().await.unwrap();
        problem(wrong, 401, "unauthorized").await;
    }
    let right = host.request(Method::GET, "/v1/runs").bearer_auth("s3cret").send().await.unwrap();
    assert_eq!(right.status(), 200);
}

#[tokio::test]
async fn without_a_token_a_foreign_web_page_gets_nothing() {
    let host = Host::new().await;
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let request = host.request(Method::POST, "/v1/workflows/echo/runs").header(name, value);
        problem(request.send().await.unwrap(), 403, "foreign-request").await;
    }
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[tokio::test]
async fn every_route_that_is_described_is_there() {
    let host = Host::new().await;
    let description = host.get("/openapi.json").await;
    for (path, item) in description["paths"].as_object().unwrap() {
        let concrete = path.replace("{id}", "run_01JAB3CD4EF5GH6JK7MN8PQ9RS").replace("{name}", "nothing");
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = host.request(method.clone(), &concrete).send().await.unwrap().text().await.unwrap();
            let missing = body.contains("problem:unknown-route") || body.contains("problem:unknown-method");
            assert!(!missing, "{method} {path}: {body}");
        }
    }
}

#[tokio::test]
async fn the_management_api_serves_no_webhooks() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook", 1).await;
    let path = url.strip_prefix(&format!("http://{}", host.server.webhook_addr())).unwrap();
    let response = host.request(Method::POST, path).send().await.unwrap();
    problem(response, 404, "unknown-route").await;
}
