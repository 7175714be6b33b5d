//! The measured host, as the one who measures has it: a process of its own, with the same binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::cli::bench::connection::{Connection, Target};
use crate::cli::bench::machine;
use crate::cli::bench::notes::Note;
use crate::cli::token;

/// The component with the workflows that are measured.
const COMPONENT: &[u8] = include_bytes!("../../../bench/bench.wasm");

/// How long is waited for anything, so that a bench that cannot end says so.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A host in a process of its own. It is killed when it is dropped.
pub(super) struct Host {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    data: PathBuf,
    /// Where its management API is.
    pub(super) management: Target,
    /// Where its webhooks are called.
    pub(super) webhooks: Target,
}

/// What a host says when it is ready.
#[derive(Deserialize)]
struct Ready {
    management: String,
    webhooks: String,
    token_file: PathBuf,
}

impl Host {
    /// Starts a host on a data directory, and deploys the workflows.
    pub(super) async fn start(data: &Path) -> anyhow::Result<Self> {
        let host = Self::start_again(data).await?;
        host.connect().await?.deploy(COMPONENT).await?;
        Ok(host)
    }

    /// Starts a host on a data directory on which one was before.
    pub(super) async fn start_again(data: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found again")?;
        let mut child = Command::new(program)
            .args(["bench", "--host"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (orders, answers) =
            child.stdin.take().zip(child.stdout.take()).context("the host has no pipes")?;
        let mut answers = BufReader::new(answers).lines();
        let ready =
            patiently(answers.next_line()).await?.context("the measured host did not start")?;
        let Ready { management, webhooks, token_file } = serde_json::from_str(&ready)?;
        let token = Some(token::read_first(&token_file)?);
        let management = Target { address: address(&management)?, token };
        let webhooks = Target { address: address(&webhooks)?, token: None };
        Ok(Self { child, orders, answers, data: data.to_owned(), management, webhooks })
    }

    /// A connection to the management API.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.management).await
    }

    /// Takes all that the steps noted, once there are so many notes.
    pub(super) async fn notes(&mut self, count: usize) -> anyhow::Result<Vec<Note>> {
        self.orders.write_all(format!("{count}\n").as_bytes()).await?;
        let line =
            patiently(self.answers.next_line()).await?.context("the measured host has ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Kills the host as a crash would, and gives its data directory.
    pub(super) async fn kill(mut self) -> anyhow::Result<PathBuf> {
        self.child.kill().await?;
        Ok(self.data)
    }

    /// The memory that the host holds, in bytes, where the system tells.
    pub(super) fn resident(&self) -> Option<u64> {
        machine::resident(self.child.id()?)
    }

    /// The time that the host has computed, over all cores, where the system tells.
    pub(super) fn computed(&self) -> Option<Duration> {
        machine::computed(self.child.id()?)
    }

    /// What the data directory takes on the disk, in bytes.
    pub(super) fn stored(&self) -> anyhow::Result<u64> {
        machine::stored(&self.data)
    }
}

async fn patiently<T>(line: impl Future<Output = std::io::Result<T>>) -> anyhow::Result<T> {
    let line = tokio::time::timeout(PATIENCE, line).await;
    Ok(line.context("the measured host does not come to an end")??)
}

fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let text = url.strip_prefix("http://");
    ensure!(text.is_some(), "`{url}` is no address of a host");
    Ok(text.unwrap_or_default().parse()?)
}
