//! What the public listener promises, over real sockets and with a real engine.

use std::time::Duration;

use reqwest::Method;
use segno::Steps;
use segno::native::{Step, StepPolicy};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Host, problem};

/// Steps of which `respond` never comes to an end, so that a caller is never answered.
fn silent() -> Steps {
    let others = guest_basics::steps()
        .iter()
        .filter(|step| step.name != "respond")
        .cloned()
        .collect::<Vec<_>>();
    let respond = Step::new("respond", StepPolicy::default(), |_input| std::future::pending());
    others.into_iter().fold(Steps::new().with(respond), Steps::with)
}

#[tokio::test]
async fn a_caller_gets_202_unless_the_workflow_says_otherwise() {
    let host = Host::new().await;
    let (run, url) = host.hook("hook", 2).await;
    for body in ["one", "two"] {
        let response = host.client.post(&url).body(body).send().await.unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(response.text().await.unwrap(), "");
    }
    assert_eq!(host.end(&run).await["output"], json!(["one", "two"]));
}

#[tokio::test]
async fn a_static_response_is_the_same_every_time() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook_static", 3).await;
    for _ in 0..3 {
        let response = host.client.post(&url).body("x").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.text().await.unwrap(), r#"{"received":true}"#);
    }
}

#[tokio::test]
async fn a_manual_response_comes_from_the_workflow_or_from_a_step() {
    let host = Host::new().await;
    for workflow in ["hook_manual", "hook_manual_in_step"] {
        let (_, url) = host.hook(workflow, 1).await;
        let response = host.client.put(&url).body("segno").send().await.unwrap();
        assert_eq!(response.status(), 200, "{workflow}");
        assert_eq!(response.text().await.unwrap(), "onges");
    }
}

#[tokio::test]
async fn a_caller_that_nobody_answers_gets_202_when_the_time_is_up() {
    let host =
        Host::with(silent(), |options| options.respond_timeout = Duration::from_millis(1)).await;
    let (run, url) = host.hook("hook_manual_in_step", 1).await;
    let response = host.client.post(&url).body("anybody?").send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.text().await.unwrap(), "");
    let events = host.get(&format!("/v1/runs/{run}/events")).await.to_string();
    assert!(events.contains("webhook_requested"), "{events}");
}

#[tokio::test]
async fn a_caller_whose_run_ends_without_an_answer_gets_410() {
    let host = Host::with(silent(), |_options| {}).await;
    let (run, url) = host.hook("hook_manual_in_step", 1).await;
    let caller = tokio::spawn(host.client.post(&url).body("anybody?").send());
    let events = format!("/v1/runs/{run}/events");
    while !host.get(&events).await.to_string().contains("webhook_requested") {
        tokio::task::yield_now().await;
    }
    let cancelled =
        host.request(Method::POST, &format!("/v1/runs/{run}/cancel")).send().await.unwrap();
    assert_eq!(cancelled.status(), 200);
    problem(caller.await.unwrap().unwrap(), 410, "webhook-closed").await;
}

/// A call as it goes over the wire, on a connection of its own.
async fn send(host: &Host, url: &str, body: &str) -> TcpStream {
    let address = host.server.webhook_addr();
    let path = url.strip_prefix(&format!("http://{address}")).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let call = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(call.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_call_that_arrived_whole_is_stored_although_its_caller_hangs_up_at_once() {
    let host = Host::new().await;
    let calls = 50;
    let (run, url) = host.hook("hook", calls).await;
    for _ in 0..calls {
        drop(send(&host, &url, &"x".repeat(10_000)).await);
    }
    assert_eq!(host.end(&run).await["status"], "completed");
}

#[tokio::test]
async fn a_caller_that_closes_its_sending_side_is_answered() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook_manual", 1).await;
    let mut stream = send(&host, &url, "segno").await;
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("onges"), "{answer}");
}

#[tokio::test]
async fn every_method_that_means_something_is_a_call() {
    let host = Host::new().await;
    let methods = ["GET", "PUT", "PATCH", "DELETE", "POST"];
    let (run, url) = host.hook("hook", methods.len() as u64).await;
    for method in methods {
        let request =
            host.client.request(method.parse().unwrap(), format!("{url}?method={method}"));
        assert_eq!(request.send().await.unwrap().status(), 202, "{method}");
    }
    host.end(&run).await;
    let history = host.get(&format!("/v1/runs/{run}/events")).await;
    let path = url.strip_prefix(&format!("http://{}", host.server.webhook_addr())).unwrap();
    let calls: Vec<_> =
        history["events"].as_array().unwrap().iter().map(|entry| &entry["event"]).collect();
    let calls: Vec<_> = calls.iter().filter(|event| event["type"] == "webhook_requested").collect();
    assert_eq!(calls.len(), methods.len());
    for (call, method) in calls.iter().zip(methods) {
        assert_eq!(call["method"], method);
        assert_eq!(call["url"], format!("{path}?method={method}"));
    }
}

#[tokio::test]
async fn what_is_sent_by_itself_drives_no_workflow() {
    let host = Host::new().await;
    let (run, url) = host.hook("hook_static", 1).await;
    let send = async |method: &str, url: &str| {
        host.client.request(method.parse().unwrap(), url).send().await.unwrap()
    };
    assert_eq!(send("HEAD", &url).await.status(), 200);
    assert_eq!(send("HEAD", &format!("{url}0")).await.status(), 404);
    let options = send("OPTIONS", &url).await;
    assert_eq!(options.status(), 204);
    assert_eq!(options.headers()["allow"], "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");
    for method in ["TRACE", "PURGE", "FOOBAR"] {
        let refused = send(method, &url).await;
        assert!(refused.headers().contains_key("allow"), "{method}");
        let detail = problem(refused, 405, "unknown-method").await;
        assert_eq!(
            detail,
            format!("a webhook is not called with {method}; the Allow header says how it is")
        );
    }
    let events = host.get(&format!("/v1/runs/{run}/events")).await.to_string();
    assert!(!events.contains("webhook_requested"), "{events}");
}

#[tokio::test]
async fn a_token_may_be_percent_encoded() {
    let host = Host::new().await;
    let (run, url) = host.hook("hook", 1).await;
    let (path, token) = url.rsplit_once('/').unwrap();
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let response = host.client.post(format!("{path}/{encoded}")).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(host.end(&run).await["status"], "completed");
}

#[tokio::test]
async fn what_is_no_webhook_is_404_and_what_is_over_410() {
    let host = Host::new().await;
    let (run, url) = host.hook("hook", 1).await;
    let base = format!("http://{}", host.server.webhook_addr());
    for (path, kind) in [
        ("/.well-known/workflow/v1/webhook/0000", "unknown-webhook"),
        ("/.well-known/workflow/v1/webhook/", "unknown-route"),
        ("/.well-known/workflow/v1/webhook", "unknown-route"),
        ("/", "unknown-route"),
        ("/v1/runs", "unknown-route"),
        ("/healthz", "unknown-route"),
        ("/openapi.json", "unknown-route"),
    ] {
        let response = host.client.get(format!("{base}{path}")).send().await.unwrap();
        problem(response, 404, kind).await;
    }
    let odd = host
        .client
        .get(format!("{base}/.well-known/workflow/v1/webhook/%FF"))
        .send()
        .await
        .unwrap();
    assert!(odd.status().is_client_error());

    host.client.post(&url).send().await.unwrap();
    host.end(&run).await;
    problem(host.client.post(&url).send().await.unwrap(), 410, "webhook-closed").await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_not_stored() {
    let host = Host::with(guest_basics::steps(), |options| options.max_webhook_body = 1_000).await;
    let (run, url) = host.hook("hook", 1).await;
    let response = host.client.post(&url).body("x".repeat(1_001)).send().await.unwrap();
    let detail = problem(response, 413, "too-large").await;
    assert_eq!(detail, "the body is larger than the 1000 bytes that are allowed");
    let response = host.client.post(&url).body("x".repeat(1_000)).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(host.end(&run).await["output"], json!(["x".repeat(1_000)]));
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_before_it_sends() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook", 1).await;
    let address = host.server.webhook_addr();
    let path = url.strip_prefix(&format!("http://{address}")).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_webhook_whose_workflow_does_not_keep_up_is_429() {
    let host = Host::with(silent(), |options| options.respond_timeout = Duration::ZERO).await;
    let (_, url) = host.hook("hook_manual_in_step", 100).await;
    let call = || host.client.request(Method::POST, &url).body(vec![b'x'; 1 << 20]).send();
    // One is taken and never answered; those after it lie untaken, up to 8 MiB with their headers.
    for _ in 0..8 {
        assert_eq!(call().await.unwrap().status(), 202);
    }
    let detail = problem(call().await.unwrap(), 429, "inbox-full").await;
    assert_eq!(detail, "more waits here than the workflow has taken; try again later");
}
