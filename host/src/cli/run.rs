//! `run`, `cancel`, `resume`, `retry-now`: one run.

use segno_api::{RunStatus, RunView};
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use segno_journal::RunId;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::args::{HostArgs, OneRunArgs, ResumeArgs, RunArgs};
use crate::cli::client::{Answer, Client};
use crate::cli::exit::Exit;
use crate::cli::follow::{self, Reader, Told};
use crate::cli::output::{self, Output};
use crate::cli::timeline::Timeline;
use crate::cli::{text, wait};

/// What stands above the entries of a history.
const HISTORY: &str = "\nhistory";

pub(super) async fn run(args: RunArgs, output: Output) -> anyhow::Result<Exit> {
    let RunArgs { id, wait, full, tail, follow, host } = args;
    let client = Client::new(host)?;
    let (answer, mut view, exit) = look(&client, id, wait.bound()).await?;
    // Each turn has an entry, so the last ones lie in the last turns.
    let from = tail.map_or(0, |entries| view.turns.saturating_sub(entries.into()));
    let mut reader = Reader::new(&client, id, from);
    let most = tail.map_or(usize::MAX, usize::from);
    if output.is_json() && !follow {
        print_json(&answer, reader.last(most).await?)?;
        return Ok(exit);
    }
    let limit = if full { usize::MAX } else { text::SHOWN };
    let show = |view: &RunView, told: &Told| match output.is_json() {
        true => output::line(told.raw.get()),
        false => output::line(&Timeline::new(view, Timestamp::now(), limit).entry(&told.entry)),
    };
    if !output.is_json() {
        let timeline = Timeline::new(&view, Timestamp::now(), limit);
        let foot = timeline.foot().map_or_else(String::new, |foot| foot + "\n");
        output::line(&[timeline.head(), foot, HISTORY.to_owned()].concat())?;
    }
    match tail {
        Some(_) => reader.last(most).await?.iter().try_for_each(|told| show(&view, told))?,
        None => reader.read(|told| Ok(show(&view, &told)?)).await?,
    }
    let mut looks = follow::looks();
    while follow && !view.status.has_ended() {
        looks.tick().await;
        // First how it stands, then what happened: what is over by then is told.
        (_, view, _) = look(&client, id, None).await?;
        reader.read(|told| Ok(show(&view, &told)?)).await?;
    }
    if let (false, Some(foot)) =
        (output.is_json(), Timeline::new(&view, Timestamp::now(), limit).foot())
    {
        output::line(&foot)?;
    }
    Ok(exit)
}

async fn look(
    client: &Client,
    id: RunId,
    wait: Option<Duration>,
) -> anyhow::Result<(Answer, RunView, Exit)> {
    if let Some(bound) = wait {
        let waited = wait::wait(client, &id.to_string(), bound).await?;
        let exit = waited.exit();
        return Ok((waited.answer, waited.view, exit));
    }
    let answer = client.get(&["v1", "runs", &id.to_string()], &[]).await?;
    let view = answer.read()?;
    Ok((answer, view, Exit::Done))
}

/// The run as the API gives it, and in it, as `events`, its history. The values stay as they came: a
/// number keeps its digits.
fn print_json(answer: &Answer, told: impl IntoIterator<Item = Told>) -> anyhow::Result<()> {
    let mut run: BTreeMap<String, Box<RawValue>> = answer.read()?;
    let events: Vec<_> = told.into_iter().map(|told| told.raw).collect();
    run.insert("events".to_owned(), to_raw_value(&events)?);
    output::line(&serde_json::to_string(&run)?)?;
    Ok(())
}

pub(super) async fn cancel(args: OneRunArgs, output: Output) -> anyhow::Result<Exit> {
    act(args.host, args.id, ("cancel", "{}".to_owned()), output).await?;
    Ok(Exit::Done)
}

pub(super) async fn retry_now(args: OneRunArgs, output: Output) -> anyhow::Result<Exit> {
    act(args.host, args.id, ("retry-now", "{}".to_owned()), output).await?;
    Ok(Exit::Done)
}

/// A run that is blocked again at once does not go on, which a script is told.
pub(super) async fn resume(args: ResumeArgs, output: Output) -> anyhow::Result<Exit> {
    let body = json!({ "module": args.module }).to_string();
    let view = act(args.host, args.id, ("resume", body), output).await?;
    Ok(if view.status == RunStatus::Blocked { Exit::Unsuccessful } else { Exit::Done })
}

/// Does something to a run, and says how it then stands.
async fn act(
    host: HostArgs,
    id: RunId,
    (verb, body): (&str, String),
    output: Output,
) -> anyhow::Result<RunView> {
    let path = ["v1", "runs", &id.to_string(), verb];
    let answer = Client::new(host)?.post(&path, body, HeaderMap::new()).await?;
    let view: RunView = answer.read()?;
    output.show(&answer.json, || format!("{id} {}", wait::outcome(&view)))?;
    Ok(view)
}
