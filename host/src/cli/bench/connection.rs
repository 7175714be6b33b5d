//! A client of the measured host: one connection that is kept, one request at a time.
//!
//! It is as thin as a client can be, because it runs on the machine that is measured.

use segno_api::{RunStatus, RunView, Started};
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::doors::Token;

/// One listener of the host, and what it wants to be shown.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) token: Option<Token>,
}

/// A connection to one listener of the host.
pub(super) struct Connection {
    target: Target,
    /// As it stands in each request.
    authorization: HeaderValue,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: &Target) -> anyhow::Result<Self> {
        let token = target.token.as_ref().map_or("", Token::reveal);
        let authorization = HeaderValue::from_str(&format!("Bearer {token}"))?;
        Ok(Self { target: target.clone(), authorization, sender: connect(target.address).await? })
    }

    /// Starts a run, and gives its ID once the start is on disk.
    pub(super) async fn start(&mut self, workflow: &str, input: &str) -> anyhow::Result<String> {
        let path = format!("/v1/workflows/{workflow}/runs");
        let body = format!("{{\"input\":{input}}}");
        let answer = self.send(Method::POST, &path, "application/json", body.into()).await?;
        let started: Started = serde_json::from_slice(&answer)?;
        Ok(started.run_id.to_string())
    }

    /// How a run stands.
    pub(super) async fn run(&mut self, run: &str) -> anyhow::Result<RunView> {
        self.view(&format!("/v1/runs/{run}")).await
    }

    /// Waits until a run is completed.
    pub(super) async fn completed(&mut self, run: &str) -> anyhow::Result<()> {
        loop {
            let view = self.view(&format!("/v1/runs/{run}?wait=5m")).await?;
            match view.status {
                RunStatus::Completed => return Ok(()),
                RunStatus::Running => {}
                status => anyhow::bail!("{run} is {status:?}: {:?} {:?}", view.error, view.blocked),
            }
        }
    }

    /// Calls a webhook with a number, or sends one as a signal.
    pub(super) async fn call(&mut self, path: &str, number: usize) -> anyhow::Result<()> {
        self.send(Method::POST, path, "application/json", number.to_string().into()).await.map(drop)
    }

    /// Asks a run something.
    pub(super) async fn ask(&mut self, path: &str) -> anyhow::Result<()> {
        self.send(Method::GET, path, "application/json", Bytes::new()).await.map(drop)
    }

    /// Reads events to their end, and counts those of a kind.
    pub(super) async fn events(&mut self, path: &str, kind: &str) -> anyhow::Result<usize> {
        let answer = self.send(Method::GET, path, "text/event-stream", Bytes::new()).await?;
        let kind = format!("event: {kind}");
        Ok(std::str::from_utf8(&answer)?.lines().filter(|line| *line == kind).count())
    }

    /// Deploys a component.
    pub(super) async fn deploy(&mut self, component: &'static [u8]) -> anyhow::Result<()> {
        let body = Bytes::from_static(component);
        self.send(Method::PUT, "/v1/modules", "application/wasm", body).await.map(drop)
    }

    async fn view(&mut self, path: &str) -> anyhow::Result<RunView> {
        let answer = self.send(Method::GET, path, "application/json", Bytes::new()).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// The body of the answer, which must be a good one.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        media: &str,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        if self.sender.ready().await.is_err() {
            // The host closes a connection that was idle for long.
            self.sender = connect(self.target.address).await?;
            self.sender.ready().await?;
        }
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.target.address.to_string())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, media)
            .header(ACCEPT, media)
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        let status: StatusCode = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("the measured host cannot be reached at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the host or with the sender; whoever sends next is told.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
