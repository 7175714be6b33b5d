//! The end of a run is told to whoever asked for it at its start: signed, and until it has come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use segno_host::ServeOptions;
use segno_host::engine::Egress;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::process::Process;
use crate::support::{Host, basics, problem};

/// A call, as it came.
struct Call {
    headers: HeaderMap,
    body: String,
}

/// Somebody who is called, and answers with these statuses and then with 204.
async fn receiver(statuses: &[u16]) -> (String, UnboundedReceiver<Call>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ended?from=segno", listener.local_addr().unwrap());
    let (told, calls) = unbounded_channel();
    let statuses: VecDeque<_> = statuses.iter().copied().collect();
    let statuses = Arc::new(Mutex::new(statuses));
    let called = move |headers: HeaderMap, body: String| async move {
        told.send(Call { headers, body }).unwrap();
        let status = statuses.lock().unwrap().pop_front().unwrap_or(204);
        StatusCode::from_u16(status).unwrap()
    };
    let router = Router::new().route("/ended", axum::routing::post(called));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

/// The key that the host of these tests signs with.
const KEY: [u8; 32] = [7; 32];

/// A host that may call this machine.
fn calls_here(options: &mut ServeOptions) {
    options.http = Some(Egress::new(vec!["127.0.0.1".parse().unwrap()]));
    let file = options.data.join("key");
    std::fs::write(&file, format!("whsec_{}\n", BASE64_STANDARD.encode(KEY))).unwrap();
    options.signing_key_file = Some(file);
}

async fn start(host: &Host, workflow: &str, input: Value, url: &str) -> reqwest::Response {
    let path = format!("/v1/workflows/{workflow}/runs");
    let body = json!({ "input": input, "on_end": url });
    host.request(Method::POST, &path).json(&body).send().await.unwrap()
}

async fn started(host: &Host, workflow: &str, input: Value, url: &str) -> String {
    let response = start(host, workflow, input, url).await;
    assert_eq!(response.status(), 201);
    response.json::<Value>().await.unwrap()["run_id"].as_str().unwrap().to_owned()
}

/// How it stands with the call of a run, once it does so and was made in vain so often.
async fn stands(host: &Host, run: &str, (status, failed): (&str, u64)) -> Value {
    loop {
        let on_end = host.get(&format!("/v1/runs/{run}")).await["on_end"].clone();
        if on_end["status"] == status && on_end["failed"] == failed {
            return on_end;
        }
        tokio::task::yield_now().await;
    }
}

/// Asserts that a call is signed with the key, as Standard Webhooks say.
fn is_signed(Call { headers, body }: &Call) {
    let header = |name: &str| headers[name].to_str().unwrap();
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(signed.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
}

#[tokio::test]
async fn who_asked_for_it_is_called_when_a_run_has_ended_however_it_did() {
    let host = Host::with(guest_basics::steps(), calls_here).await;
    let (url, mut calls) = receiver(&[]).await;
    let completed = started(&host, "echo", json!({ "a": 1 }), &url).await;
    let call = calls.recv().await.unwrap();
    is_signed(&call);
    assert_eq!(call.headers["webhook-id"], completed);
    assert_eq!(call.headers["content-type"], "application/json");
    let told: Value = serde_json::from_str(&call.body).unwrap();
    let view = host.get(&format!("/v1/runs/{completed}")).await;
    assert_eq!((&told["type"], &told["timestamp"]), (&json!("run.completed"), &view["ended_at"]));
    for field in ["run_id", "workflow", "status", "started_at", "ended_at", "output", "error"] {
        assert_eq!(told["data"][field], view[field], "{field}");
    }
    let made = stands(&host, &completed, ("made", 0)).await;
    assert_eq!(
        (&made["url"], &made["failed"], &made["due_at"]),
        (&json!(url), &json!(0), &Value::Null)
    );

    let cancelled = started(&host, "sleeper", json!(null), &url).await;
    assert_eq!(stands(&host, &cancelled, ("waiting", 0)).await["url"], url);
    host.request(Method::POST, &format!("/v1/runs/{cancelled}/cancel")).send().await.unwrap();
    let told: Value = serde_json::from_str(&calls.recv().await.unwrap().body).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["run_id"]),
        (&json!("run.cancelled"), &json!(cancelled))
    );
}

#[tokio::test]
async fn a_call_that_is_answered_with_an_error_is_owed_until_it_has_come() {
    let host = Host::with(guest_basics::steps(), calls_here).await;
    let (url, mut calls) = receiver(&[500]).await;
    let run = started(&host, "echo", json!(1), &url).await;
    let first = calls.recv().await.unwrap();
    let owed = stands(&host, &run, ("owed", 1)).await;
    assert_eq!(owed["failed"], 1);
    assert!(owed["error"].as_str().unwrap().contains("status 500"), "{owed}");
    assert!(owed["due_at"].is_string());
    let second = calls.recv().await.unwrap();
    is_signed(&second);
    assert_eq!(
        (&second.headers["webhook-id"], &second.body),
        (&first.headers["webhook-id"], &first.body)
    );
    stands(&host, &run, ("made", 0)).await;
}

#[tokio::test]
async fn who_is_gone_is_not_called_again_and_what_cannot_be_called_is_refused() {
    let host = Host::with(guest_basics::steps(), calls_here).await;
    let (url, mut calls) = receiver(&[410]).await;
    let run = started(&host, "echo", json!(1), &url).await;
    calls.recv().await.unwrap();
    let given_up = stands(&host, &run, ("given_up", 1)).await;
    assert_eq!((&given_up["failed"], &given_up["due_at"]), (&json!(1), &Value::Null));
    for bad in ["", "ended", "ftp://127.0.0.1/", &format!("http://127.0.0.1/{}", "x".repeat(2_048))]
    {
        problem(start(&host, "echo", json!(1), bad).await, 400, "bad-url").await;
    }
    let deaf = Host::with(guest_basics::steps(), |options| options.http = None).await;
    problem(start(&deaf, "echo", json!(1), &url).await, 422, "cannot-call").await;
    // What a host may not reach is no way around the step `http`.
    let narrow = Host::new().await;
    let run = started(&narrow, "echo", json!(1), &url).await;
    let owed = stands(&narrow, &run, ("owed", 1)).await;
    assert!(owed["error"].as_str().unwrap().contains("127.0.0.1"), "{owed}");
    assert!(calls.try_recv().is_err());
}

#[test]
fn a_call_that_is_owed_is_owed_by_the_next_host_after_the_death_of_one() {
    let data = TempDir::new().unwrap();
    let stands = |host: &Process, run: &str| -> Value {
        let told = host.must(&["--json", "run", run]);
        let view: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        view["on_end"].clone()
    };
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    // Where the host may not go, so that it is owed for long.
    let url = "http://127.0.0.1:9/ended";
    let run = host.must(&["start", "echo", "--input", "1", "--on-end", url]);
    let run = run.trim();
    while stands(&host, run)["failed"] == 0 {
        std::thread::yield_now();
    }
    // It is killed, and has no time to say anything.
    drop(host);
    let host = Process::serve(data.path());
    let owed = stands(&host, run);
    assert_eq!((&owed["url"], &owed["status"]), (&json!(url), &json!("owed")));
    assert!(owed["failed"].as_u64() >= Some(1), "{owed}");
    assert!(host.must(&["run", run]).contains("times in vain, next call"));
}

#[tokio::test]
async fn each_end_of_a_run_that_is_tried_again_is_told_as_one_of_its_own() {
    let host = Host::with(guest_basics::steps(), calls_here).await;
    let directory = TempDir::new().unwrap();
    let needed = directory.path().join("needed");
    // Of the first end, nobody takes the call; it is not made any more when the run goes on.
    let (url, mut calls) = receiver(&[503]).await;
    let run = started(&host, "needs_file", json!(needed), &url).await;
    let first = calls.recv().await.unwrap();
    assert_eq!(first.headers["webhook-id"], run);
    stands(&host, &run, ("owed", 1)).await;
    std::fs::write(&needed, "").unwrap();
    let retry = host.request(Method::POST, &format!("/v1/runs/{run}/retry"));
    assert_eq!(retry.send().await.unwrap().status(), 200);
    let second = calls.recv().await.unwrap();
    is_signed(&second);
    assert_eq!(second.headers["webhook-id"], format!("{run}.1"));
    let [first, second] =
        [first, second].map(|call| serde_json::from_str::<Value>(&call.body).unwrap());
    assert_eq!((&first["type"], &second["type"]), (&json!("run.failed"), &json!("run.completed")));
    assert_eq!(stands(&host, &run, ("made", 0)).await["due_at"], Value::Null);
}
