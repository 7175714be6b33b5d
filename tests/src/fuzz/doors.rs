//! Both doors: bytes on a socket, whatever they are.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use segno_host::doors::Token;
use segno_host::engine::{Engine, Limits, RunFilter};
use segno_host::{ServeOptions, Server};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fuzz::reader::Reader;
use crate::{basics, raw, token};

/// How long a door is given to begin its answer. Then the sender says that nothing more comes: most
/// malformed requests wait for more.
const ANSWER: Duration = Duration::from_millis(100);

/// How long a door may take to close the connection after that.
const CLOSE: Duration = Duration::from_secs(60);

/// What a run may use: little, since many are started with an input that makes them want much.
const LIMITS: Limits = Limits {
    fuel_per_turn: 50_000_000,
    memory: 16 << 20,
    open_operations: 1_000,
    open_bytes: 1 << 20,
    commands_per_turn: 1_000,
    bytes_per_turn: 1 << 20,
    payload: 256 << 10,
    family: 100,
    stream: 64 << 10,
};

/// A host in this process, and one of its doors.
pub(super) struct Door {
    runtime: Runtime,
    server: Server,
    address: SocketAddr,
    /// What stands in the corpus for what differs from host to host.
    names: Vec<(&'static [u8], String)>,
    _directory: TempDir,
}

impl Door {
    pub(super) fn webhooks() -> anyhow::Result<Self> {
        Self::open(Server::webhook_addr)
    }

    pub(super) fn management() -> anyhow::Result<Self> {
        Self::open(Server::management_addr)
    }

    fn open(door: impl FnOnce(&Server) -> SocketAddr) -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let options = ServeOptions {
            respond_timeout: Duration::from_millis(1),
            max_webhook_body: 64 << 10,
            limits: LIMITS,
            // As in the corpus.
            token: Some(Token::new("fuzz")?),
            ..ServeOptions::new(directory.path()).on_free_ports()
        };
        let (server, token) = runtime.block_on(async {
            let server = Server::start(options, guest_basics::steps()).await?;
            let token = prepare(&server.engine()).await?;
            anyhow::Ok((server, token))
        })?;
        let address = door(&server);
        let page = runtime.block_on(server.engine().runs(RunFilter::default()))?;
        let run = page.runs.first().context("a run was started")?.run_id;
        let names = vec![(&b"{token}"[..], token), (&b"{run}"[..], run.to_string())];
        Ok(Self { runtime, server, address, names, _directory: directory })
    }

    /// The input, with what this host calls things.
    fn named(&self, input: &[u8]) -> Vec<u8> {
        let mut named = input.to_vec();
        for (name, value) in &self.names {
            named = replaced(&named, name, value.as_bytes());
        }
        let end_of_head = position(&named, b"\r\n\r\n").map_or(named.len(), |at| at + 4);
        let length = named.len() - end_of_head;
        replaced(&named, b"{length}", length.to_string().as_bytes())
    }
}

impl Reader for Door {
    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        let requests: Vec<_> = inputs.iter().map(|input| self.named(input)).collect();
        let address = self.address;
        self.runtime.block_on(async {
            let mut asked = JoinSet::new();
            for request in requests {
                asked.spawn(ask(address, request));
            }
            while let Some(answer) = asked.join_next().await {
                answer??;
            }
            let trouble = self.server.engine().trouble();
            ensure!(trouble.is_none(), "the host takes no more work: {trouble:?}");
            let healthy = ask(
                self.server.management_addr(),
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            );
            ensure!(healthy.await? == Some(200), "the host does not answer any more");
            Ok(())
        })
    }
}

/// Sends bytes, and gives the status of the answer, if there is one.
async fn ask(address: SocketAddr, request: Vec<u8>) -> anyhow::Result<Option<u16>> {
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    // A door may refuse before it has read all.
    let _refused =
        timeout(CLOSE, writer.write_all(&request)).await.context("the door reads no more")?;
    let mut answer = vec![0; 16 << 10];
    let mut size =
        timeout(ANSWER, reader.read(&mut answer)).await.map_or(0, Result::unwrap_or_default);
    let _closed = writer.shutdown().await;
    if size == 0 {
        let read = timeout(CLOSE, reader.read(&mut answer)).await;
        size = read.context("the door neither answers nor closes")?.unwrap_or_default();
    }
    let mut rest = Vec::new();
    let _reset =
        timeout(CLOSE, reader.read_to_end(&mut rest)).await.context("the door does not close")?;
    if size == 0 {
        return Ok(None);
    }
    let line = answer[..size].split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).context("an answer begins with text")?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    match status {
        Some(500) | None => bail!("a malformed request is answered with `{line}`"),
        status => Ok(status),
    }
}

async fn prepare(engine: &Engine) -> anyhow::Result<String> {
    engine.deploy(basics()).await?;
    let run = engine.start("hook_manual", raw(&json!(u32::MAX)), None).await?.run_id;
    Ok(token(engine, run).await)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn replaced(bytes: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    match position(bytes, name) {
        Some(at) => [&bytes[..at], value, &bytes[at + name.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
