//! `run`, `cancel`, `resume`: one run.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use segno_journal::RunId;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::args::{CancelArgs, HostArgs, ResumeArgs, RunArgs};
use crate::cli::client::{Answer, Client};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::timeline::Timeline;
use crate::cli::{text, wait};
use crate::engine::{HistoryPage, RunView};

/// How many turns are asked for at once.
const PAGE: &str = "1000";

pub(super) async fn run(args: RunArgs, output: Output) -> anyhow::Result<Exit> {
    let RunArgs { id, wait, full, host } = args;
    let client = Client::new(host)?;
    let (answer, view, exit) = look(&client, id, wait.bound()).await?;
    if output.is_json() {
        print_json(&client, id, &answer).await?;
        return Ok(exit);
    }
    let limit = if full { usize::MAX } else { text::SHOWN };
    let timeline = Timeline::new(&view, Timestamp::now(), limit);
    output::line(&timeline.head())?;
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let page: HistoryPage = history(&client, id, from).await?.read()?;
        for entry in &page.events {
            output::line(&timeline.entry(entry))?;
        }
        cursor = page.next;
    }
    if let Some(foot) = timeline.foot() {
        output::line(&foot)?;
    }
    Ok(exit)
}

async fn look(client: &Client, id: RunId, wait: Option<Duration>) -> anyhow::Result<(Answer, RunView, Exit)> {
    if let Some(bound) = wait {
        let waited = wait::wait(client, &id.to_string(), bound).await?;
        let exit = waited.exit();
        return Ok((waited.answer, waited.view, exit));
    }
    let answer = client.get(&["v1", "runs", &id.to_string()], &[]).await?;
    let view = answer.read()?;
    Ok((answer, view, Exit::Done))
}

async fn history(client: &Client, id: RunId, from: u64) -> anyhow::Result<Answer> {
    let query = [("cursor", &*from.to_string()), ("limit", PAGE)];
    Ok(client.get(&["v1", "runs", &id.to_string(), "events"], &query).await?)
}

/// The run as the API gives it, and in it, as `events`, its whole history. The values stay as they
/// came: a number keeps its digits.
async fn print_json(client: &Client, id: RunId, answer: &Answer) -> anyhow::Result<()> {
    let mut run: BTreeMap<String, Box<RawValue>> = answer.read()?;
    let mut events = Vec::new();
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let page: RawPage = history(client, id, from).await?.read()?;
        events.extend(page.events);
        cursor = page.next;
    }
    run.insert("events".to_owned(), to_raw_value(&events)?);
    output::line(&serde_json::to_string(&run)?)?;
    Ok(())
}

/// A page of a history whose entries are handed on.
#[derive(Deserialize)]
struct RawPage {
    events: Vec<Box<RawValue>>,
    next: Option<u64>,
}

pub(super) async fn cancel(args: CancelArgs, output: Output) -> anyhow::Result<Exit> {
    act(args.host, args.id, "cancel", "{}".to_owned(), output).await
}

pub(super) async fn resume(args: ResumeArgs, output: Output) -> anyhow::Result<Exit> {
    act(args.host, args.id, "resume", json!({ "module": args.module }).to_string(), output).await
}

/// Does something to a run, and says how it then stands.
async fn act(host: HostArgs, id: RunId, verb: &str, body: String, output: Output) -> anyhow::Result<Exit> {
    let path = ["v1", "runs", &id.to_string(), verb];
    let answer = Client::new(host)?.post(&path, body, HeaderMap::new()).await?;
    let view: RunView = answer.read()?;
    output.show(&answer.json, || format!("{id} {}", wait::outcome(&view)))?;
    Ok(Exit::Done)
}
