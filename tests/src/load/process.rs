//! The host under load: this very program as a process of its own, on ports that it keeps.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Where a host is reached.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) management: String,
    /// What its management API wants to be shown.
    pub(crate) token: String,
}

/// A host in a process of its own.
pub(crate) struct Process {
    child: Child,
    ports: [u16; 2],
    token: String,
    deaths: u32,
}

impl Process {
    pub(crate) async fn start(data: &Path) -> anyhow::Result<Self> {
        // Both are held until both are known.
        let free = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut ports = [0; 2];
        for (port, listener) in ports.iter_mut().zip(free) {
            *port = listener?.local_addr()?.port();
        }
        let child = spawn(data, ports).await?;
        let token = std::fs::read_to_string(data.join("token"))?.trim().to_owned();
        Ok(Self { child, ports, token, deaths: 0 })
    }

    pub(crate) fn urls(&self) -> Urls {
        Urls {
            management: format!("http://127.0.0.1:{}", self.ports[0]),
            token: self.token.clone(),
        }
    }

    /// The number of the process, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the host as a failure of power would, and starts it again on the same ports.
    pub(crate) async fn kill_and_start_again(&mut self, data: &Path) -> anyhow::Result<()> {
        self.child.kill().await?;
        self.child = spawn(data, self.ports).await?;
        Ok(())
    }

    /// Starts the host again if it has ended by itself.
    pub(crate) async fn start_again(&mut self, data: &Path) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            self.deaths += 1;
            self.child = spawn(data, self.ports).await?;
        }
        Ok(())
    }

    /// How often the host has ended by itself.
    pub(crate) const fn deaths(&self) -> u32 {
        self.deaths
    }

    /// Asks the host to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.id().context("the host has ended by itself")?.to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await?;
        ensure!(told.success(), "the host cannot be told to stop");
        let status = self.child.wait().await?;
        ensure!(status.success(), "the host ended with {status}");
        Ok(())
    }

    pub(crate) async fn deploy(&self, client: &Client, wasm: Bytes) -> anyhow::Result<()> {
        let url = format!("{}/v1/modules", self.urls().management);
        client.put(url).bearer_auth(&self.token).body(wasm).send().await?.error_for_status()?;
        Ok(())
    }

    /// Starts a run, and gives its ID.
    pub(crate) async fn start_run(
        &self,
        client: &Client,
        workflow: &str,
        input: Value,
    ) -> anyhow::Result<String> {
        self.start_keyed(client, workflow, input, []).await
    }

    /// As [`Process::start_run`], with these headers.
    pub(crate) async fn start_keyed<const N: usize>(
        &self,
        client: &Client,
        workflow: &str,
        input: Value,
        headers: [(&str, &str); N],
    ) -> anyhow::Result<String> {
        let url = format!("{}/v1/workflows/{workflow}/runs", self.urls().management);
        let request = client.post(url).bearer_auth(&self.token).json(&json!({ "input": input }));
        let request =
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let started: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(started["run_id"].as_str().context("a start says which run it is")?.to_owned())
    }

    /// A run when it has ended, or as it stands when the time is up.
    pub(crate) async fn look(
        &self,
        client: &Client,
        run: &str,
        wait: &str,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/v1/runs/{run}?wait={wait}", self.urls().management);
        Ok(client
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    /// The URL of the webhook that a run waits for, once it does.
    pub(crate) async fn webhook_of(&self, client: &Client, run: &str) -> anyhow::Result<String> {
        let url = format!("{}/v1/runs/{run}", self.urls().management);
        loop {
            let view: Value = client
                .get(&url)
                .bearer_auth(&self.token)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await?;
            ensure!(view["ended_at"].is_null(), "the run has ended: {view}");
            let waits = view["waits_for"].as_array().into_iter().flatten();
            if let Some(url) = waits.filter_map(|wait| wait["url"].as_str()).next() {
                return Ok(url.to_owned());
            }
        }
    }

    /// How many runs have not ended, by the metrics of the host.
    pub(crate) async fn unfinished(&self, client: &Client) -> anyhow::Result<usize> {
        let url = format!("{}/metrics", self.urls().management);
        let text = client
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let line = text.lines().find_map(|line| line.strip_prefix("segno_runs_unfinished "));
        Ok(line.context("the metrics count the unfinished runs")?.parse()?)
    }
}

async fn spawn(data: &Path, [management, webhooks]: [u16; 2]) -> anyhow::Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", "--json", "--listen", &format!("127.0.0.1:{management}")])
        .args(["--webhook-listen", &format!("127.0.0.1:{webhooks}"), "--data"])
        .arg(data)
        // The token is the one that is made there.
        .env_remove("SEGNO_TOKEN")
        .env_remove("SEGNO_TOKEN_FILE")
        .env("XDG_STATE_HOME", data.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().context("its output is piped")?;
    let Some(_ready) = BufReader::new(output).lines().next_line().await? else {
        bail!("the host does not start: {}", child.wait().await?);
    };
    Ok(child)
}
