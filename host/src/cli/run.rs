//! `run` and what is done to one run after the other: what is shown of each.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use segno_api::{RunStatus, RunView, Started};
use segno_journal::RunId;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::args::{HostArgs, RunAgainArgs, RunArgs, RunIds, RunsOfHostArgs, WakeArgs};
use crate::cli::client::{Answer, Client, ClientError, idempotency};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::follow::{self, Reader, Told};
use crate::cli::output::{self, Output};
use crate::cli::{failure, text, wait};
use crate::timeline::Timeline;

/// What stands above the entries of a history.
const HISTORY: &str = "\nhistory";

pub(super) async fn run(args: RunArgs, output: Output) -> anyhow::Result<Exit> {
    let RunArgs { id, wait, full, tail, set_aside, follow, host } = args;
    let client = Client::new(host)?;
    let (answer, mut view, exit) = look(&client, id, wait.bound()).await?;
    // Each turn has an entry, so the last ones lie in the last turns.
    let from = tail.map_or(0, |entries| view.turns.saturating_sub(entries.into()));
    let mut reader = Reader::new(&client, id, from, set_aside);
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

/// Starts a new run with the input of each, and prints the new IDs.
pub(super) async fn again(args: RunAgainArgs, output: Output) -> anyhow::Result<Exit> {
    let RunAgainArgs { ids, key, host } = args;
    if key.is_some() && !matches!(ids[..], [RunIds::One(_)]) {
        return Err(UsageError("--key is for one run only; nothing was done".to_owned()).into());
    }
    let show = |_: RunId, answer: &Answer| {
        let started: Started = answer.read()?;
        output.show(&answer.json, || started.run_id.to_string())?;
        Ok(Exit::Done)
    };
    let asked = Asked { verb: "run-again", body: "{}".to_owned(), headers: idempotency(key)? };
    each(host, &ids, asked, output, show).await
}

pub(super) async fn retry_now(args: RunsOfHostArgs, output: Output) -> anyhow::Result<Exit> {
    act(args.host, &args.ids, ("retry-now", "{}".to_owned()), output).await
}

pub(super) async fn wake(args: WakeArgs, output: Output) -> anyhow::Result<Exit> {
    let body = json!({ "op": args.op }).to_string();
    act(args.host, &args.ids, ("wake", body), output).await
}

/// Does something to runs, one after the other, and says how each then stands. One that refuses does not
/// keep it from the others; how this ends is how the first of them ended that did not go well.
pub(super) async fn act(
    host: HostArgs,
    ids: &[RunIds],
    (verb, body): (&str, String),
    output: Output,
) -> anyhow::Result<Exit> {
    let show = |id: RunId, answer: &Answer| {
        let view: RunView = answer.read()?;
        output.show(&answer.json, || format!("{id} {}", wait::outcome(&view)))?;
        let is_stuck = verb == "resume" && view.status == RunStatus::Blocked;
        Ok(if is_stuck { Exit::Unsuccessful } else { Exit::Done })
    };
    each(host, ids, Asked { verb, body, headers: HeaderMap::new() }, output, show).await
}

/// What is no word behind the path of a run, but done to that itself.
pub(super) const DELETE: &str = "";

/// What each run is asked.
pub(super) struct Asked<'a> {
    pub(super) verb: &'a str,
    pub(super) body: String,
    pub(super) headers: HeaderMap,
}

/// As [`act`]; each answer is shown in its own way.
pub(super) async fn each(
    host: HostArgs,
    ids: &[RunIds],
    asked: Asked<'_>,
    output: Output,
    show: impl Fn(RunId, &Answer) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let ids = all(ids)?;
    let client = Client::new(host)?;
    let mut ended = Exit::Done;
    for id in &ids {
        let path = ["v1", "runs", &id.to_string(), asked.verb];
        let answer = match asked.verb {
            DELETE => client.delete(&path[..3]).await,
            _ => client.post(&path, asked.body.clone(), asked.headers.clone()).await,
        };
        let exit = match answer {
            Ok(answer) => show(*id, &answer)?,
            // Of a host that does not answer, the others need not be asked for.
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            Err(error) if ids.len() == 1 => return Err(error.into()),
            Err(error) => {
                failure::tell(&anyhow::Error::from(error).context(id.to_string()), output)
            }
        };
        if ended == Exit::Done {
            ended = exit;
        }
    }
    Ok(ended)
}

/// The runs that are meant, those on standard input read to its end: a line that names none stops all.
fn all(ids: &[RunIds]) -> anyhow::Result<Vec<RunId>> {
    let mut all = Vec::new();
    for ids in ids {
        match ids {
            RunIds::One(id) => all.push(*id),
            RunIds::StandardInput => all.extend(read(std::io::stdin().lock())?),
        }
    }
    Ok(all)
}

/// The runs that stand at the beginnings of lines.
fn read(input: impl BufRead) -> anyhow::Result<Vec<RunId>> {
    let mut ids = Vec::new();
    for line in input.lines() {
        let line = line.context("cannot read standard input")?;
        if let Some(word) = line.split_whitespace().next() {
            let id =
                word.parse().map_err(|error| UsageError(format!("{error}; nothing was done")))?;
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_runs_is_read_by_its_first_column() {
        let id = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS";
        let ids = read(format!("{id}  order  blocked\n\n  {id}\n").as_bytes()).unwrap();
        assert_eq!(ids, [id.parse().unwrap(), id.parse().unwrap()]);
        let error = read(format!("{id}\nRUN WORKFLOW\n").as_bytes()).unwrap_err();
        assert!(
            error.is::<UsageError>() && error.to_string().contains("nothing was done"),
            "{error}"
        );
    }
}
