//! `stream`: what a run gives out as it works; with `--follow`, as it does.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::ensure;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use segno_api::{ChunkView, SkippedView, StreamList, StreamView};
use segno_journal::RunId;

use crate::cli::args::StreamArgs;
use crate::cli::client::{Client, ClientError};
use crate::cli::events::{Event, Events};
use crate::cli::exit::Exit;
use crate::cli::follow;
use crate::cli::output::{self, Output};
use crate::cli::{size, text};

/// How long a host may say nothing at all: it says every 15 seconds that it is there.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(args: StreamArgs, output: Output) -> anyhow::Result<Exit> {
    let StreamArgs { id, name, from, follow, host } = args;
    let client = Client::new(host)?;
    match name {
        None => list(&client, id, output).await,
        Some(name) => {
            let mut reading = Reading { client, run: id, name, from, follow, output };
            reading.read_to_end().await?;
            Ok(Exit::Done)
        }
    }
}

async fn list(client: &Client, id: RunId, output: Output) -> anyhow::Result<Exit> {
    let answer = client.get(&["v1", "runs", &id.to_string(), "streams"], &[]).await?;
    let StreamList { streams } = answer.read()?;
    output.show(&answer.json, || match &*streams {
        [] => "the run has no streams".to_owned(),
        streams => streams.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(Exit::Done)
}

fn line(stream: &StreamView) -> String {
    let name = text::printable(&stream.name, text::SHOWN);
    let kept = match stream.next.saturating_sub(stream.first) {
        0 => "nothing".to_owned(),
        _ => format!("chunks {} to {}", stream.first, stream.next - 1),
    };
    let end = if stream.closed { ", closed" } else { "" };
    format!("{name}: {kept}, {}{end}", size::show(stream.bytes))
}

/// A stream that is being read.
struct Reading {
    client: Client,
    run: RunId,
    name: String,
    /// The index that comes next.
    from: i64,
    follow: bool,
    output: Output,
}

impl Reading {
    /// Prints the stream to its end; where the connection breaks or the host is not ready, from where it was.
    async fn read_to_end(&mut self) -> anyhow::Result<()> {
        let mut events = self.ask().await?;
        let mut looks = follow::looks();
        loop {
            match tokio::time::timeout(SILENCE, events.next()).await {
                Ok(Ok(Some(event))) if event.kind == "end" => return Ok(()),
                Ok(Ok(Some(event))) => {
                    if self.tell(&event)?.is_continue() {
                        continue;
                    }
                }
                Ok(Err(error)) if !self.follow => return Err(error.into()),
                _ => output::note("the connection broke; trying again"),
            }
            ensure!(self.follow, "the host broke off; chunk {} comes next", self.from);
            events = loop {
                looks.tick().await;
                match self.ask().await {
                    Err(error) if error.may_pass() => {}
                    asked => break asked?,
                }
            };
        }
    }

    async fn ask(&self) -> Result<Events, ClientError> {
        let (run, from) = (self.run.to_string(), self.from.to_string());
        let follow = if self.follow { "true" } else { "false" };
        let path = ["v1", "runs", &run, "streams", &self.name];
        let query = [("from", &*from), ("follow", follow)];
        self.client.events(&path, &query).await.map(Events::of)
    }

    /// Prints what an event says; whether more of them come.
    fn tell(&mut self, event: &Event) -> anyhow::Result<ControlFlow<()>> {
        match &*event.kind {
            "chunk" => {
                let chunk: ChunkView = serde_json::from_str(&event.data)?;
                self.from = i64::try_from(chunk.index.saturating_add(1))?;
                print(&event.data, chunk, self.output)?;
            }
            "skipped" => {
                let SkippedView { from, to } = serde_json::from_str(&event.data)?;
                output::note(&format!("chunks {from} to {} are forgotten", to.saturating_sub(1)));
            }
            "error" => {
                let error = ClientError::Refused(serde_json::from_str(&event.data)?);
                ensure!(error.may_pass(), error);
                output::note(&format!("{error}; trying again"));
                return Ok(ControlFlow::Break(()));
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn print(json: &str, chunk: ChunkView, output: Output) -> anyhow::Result<()> {
    if output.is_json() {
        return Ok(output::line(json)?);
    }
    let bytes = match (chunk.text, chunk.base64) {
        (Some(text), _) => text.into_bytes(),
        (None, base64) => BASE64_STANDARD.decode(base64.unwrap_or_default())?,
    };
    Ok(output::bytes(&bytes)?)
}
