//! A crowd before the doors, larger than they are: the real binary with few files.

#![cfg(unix)]

use std::process::Command;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::process::{Process, with_steps};
use crate::support::basics;

/// How many files the host may open: that gives 100 connections, of which half may wait.
const FILES: u64 = 256;

/// How many clients wait: more than there are places, fewer than there are connections.
const CROWD: usize = 70;

/// How many of them find a place.
const PLACES: usize = 50;

/// A host that may open no more than so many files, whatever it asks for.
fn host_with_few_files(data: &std::path::Path) -> Process {
    let segno = with_steps();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]).arg(segno.get_program());
    shell.arg("serve").arg("--data").arg(data);
    for (name, value) in segno.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Process::start(&mut shell)
}

async fn start(client: &Client, url: &str) -> String {
    let path = format!("{url}/v1/workflows/hook_busy/runs");
    let started = client.post(path).json(&json!({})).send().await.unwrap();
    assert_eq!(started.status(), 201);
    started.json::<Value>().await.unwrap()["run_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn those_who_wait_never_take_all_connections() {
    let directory = tempfile::tempdir().unwrap();
    let host = host_with_few_files(directory.path());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token = std::fs::read_to_string(host.token_file.as_ref().unwrap()).unwrap();
    let authorization = format!("Bearer {}", token.trim()).parse().unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).default_headers(headers);
    let client = client.build().unwrap();
    let url = host.url.clone();
    let wasm = std::fs::read(basics()).unwrap();
    assert_eq!(
        client.put(format!("{url}/v1/modules")).body(wasm).send().await.unwrap().status(),
        201
    );
    let run = start(&client, &url).await;

    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        crowd.spawn(client.get(format!("{url}/v1/runs/{run}?wait=2m")).send());
    }
    for _ in PLACES..CROWD {
        let refused = crowd.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
    }

    assert_eq!(client.get(format!("{url}/healthz")).send().await.unwrap().status(), 200);
    start(&client, &url).await;
    let cancelled = client.post(format!("{url}/v1/runs/{run}/cancel")).send().await.unwrap();
    assert_eq!(cancelled.status(), 200);
    for _ in 0..PLACES {
        let heard = crowd.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(heard.status(), 200);
        assert_eq!(heard.json::<Value>().await.unwrap()["status"], "cancelled");
    }
    assert_eq!(host.terminate(), Some(0));
}
