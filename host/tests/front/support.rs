//! Components that are built once, and a whole host on free ports and a directory of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use reqwest::{Client, Method, RequestBuilder, Response};
use segno::Steps;
use segno_host::{ServeOptions, Server, build_components};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The Cargo.toml of the repository.
pub(crate) fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")
}

/// The component `guest-basics`: workflows that behave.
pub(crate) fn basics() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| component("guest-basics"))
}

/// The component `guest-rogue`: workflows that do not.
pub(crate) fn rogue() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| component("guest-rogue"))
}

/// The component `guest-typed`: workflows whose types have schemas.
pub(crate) fn typed() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| component("guest-typed"))
}

fn component(package: &str) -> PathBuf {
    let mut built = build_components(Some(&manifest()), &[package.to_owned()], &|_line| {})
        .unwrap_or_else(|error| panic!("{error:#}"));
    built.pop().expect("one package gives one component")
}

/// A host in this process, with the module `guest-basics`.
pub(crate) struct Host {
    pub(crate) server: Server,
    pub(crate) client: Client,
    /// The token of the management API.
    token: String,
    /// Held, because it is deleted when it is dropped.
    _directory: TempDir,
}

impl Host {
    /// A host with the defaults and the steps of the module.
    pub(crate) async fn new() -> Self {
        Self::with(guest_basics::steps(), |_options| {}).await
    }

    /// A host with these steps that is configured so.
    pub(crate) async fn with(steps: Steps, configure: impl FnOnce(&mut ServeOptions)) -> Self {
        let host = Self::empty(steps, configure).await;
        let wasm = std::fs::read(basics()).unwrap();
        host.server.engine().deploy(wasm.into()).await.expect("the module is good");
        host
    }

    /// A host on which nothing is deployed.
    pub(crate) async fn empty(steps: Steps, configure: impl FnOnce(&mut ServeOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = TempDir::new().unwrap();
        let mut options = ServeOptions::new(directory.path()).on_free_ports();
        configure(&mut options);
        let server = Server::start(options, steps).await.unwrap();
        let token = server.token_file().map(|file| std::fs::read_to_string(file).unwrap());
        // The last one, where there are several.
        let token = token.as_deref().and_then(|text| text.split_whitespace().next_back());
        let token = token.unwrap_or_default().to_owned();
        // Neither a proxy nor a kept connection comes between a test and the host.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { server, client, token, _directory: directory }
    }

    /// A request to the management API, with the token that was made for it.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.strange_request(method, path).bearer_auth(&self.token)
    }

    /// A request of somebody who has no token.
    pub(crate) fn strange_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.server.management_addr()))
    }

    /// What lies at a path of the management API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Starts a run, and gives its ID.
    pub(crate) async fn start(&self, workflow: &str, input: Value) -> String {
        let path = format!("/v1/workflows/{workflow}/runs");
        let response = self
            .request(Method::POST, &path)
            .json(&json!({ "input": input }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        let started: Value = response.json().await.unwrap();
        started["run_id"].as_str().unwrap().to_owned()
    }

    /// A run once it has ended or is blocked.
    pub(crate) async fn end(&self, run: &str) -> Value {
        self.get(&format!("/v1/runs/{run}?wait=60s")).await
    }

    /// Starts a run that opens a webhook, and gives its ID and the URL once that is known.
    pub(crate) async fn hook(&self, workflow: &str, requests: u64) -> (String, String) {
        self.hook_with(workflow, json!(requests)).await
    }

    /// The same of a workflow that takes something else than a number of requests.
    pub(crate) async fn hook_with(&self, workflow: &str, input: Value) -> (String, String) {
        let run = self.start(workflow, input).await;
        loop {
            let view = self.get(&format!("/v1/runs/{run}")).await;
            let waits = view["waits_for"].as_array().unwrap();
            if let Some(webhook) = waits.iter().find(|wait| wait["type"] == "webhook") {
                return (run, webhook["url"].as_str().unwrap().to_owned());
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Asserts that a response is a problem of this status and kind, and gives its detail.
pub(crate) async fn problem(response: Response, status: u16, kind: &str) -> String {
    let media_type = response.headers().get("content-type").cloned();
    let retry_after = response.headers().contains_key("retry-after");
    let found = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(found, status, "{body}");
    assert_eq!(
        media_type.expect("a problem has a media type"),
        "application/problem+json",
        "{body}"
    );
    assert_eq!(retry_after, matches!(status, 429 | 503), "{body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["type"], format!("urn:segno:problem:{kind}"), "{body}");
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string());
    problem["detail"].as_str().unwrap().to_owned()
}
