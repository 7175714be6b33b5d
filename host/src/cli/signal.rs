//! `signal`: something is sent to a run under a name.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::cli::args::SignalArgs;
use crate::cli::client::{Answer, Client, idempotency};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::wait::ROUND;
use crate::cli::{text, value};
use crate::engine::Random;

pub(super) async fn run(args: SignalArgs, output: Output) -> anyhow::Result<Exit> {
    let SignalArgs { id, name, payload, key, wait, host } = args;
    let payload = value::written_or_piped(payload.as_deref(), "what is sent").await?;
    let client = Client::new(host)?;
    let run = id.to_string();
    let path = ["v1", "runs", &run, "signals", &name];
    let Some(bound) = wait.bound() else {
        client.post(&path, payload.get().to_owned(), idempotency(key)?).await?;
        if !output.is_json() {
            output::note(&format!("stored: {id} takes it as `{}`", text::printable(&name, 80)));
        }
        return Ok(Exit::Done);
    };
    // Whoever waits asks more than once, and the signal is to come once.
    let key = key.unwrap_or_else(|| Random::System.secret());
    match answer(&client, &path, &payload, &key, bound).await? {
        Some(answer) => {
            output.show(&answer.json, || answer.json.clone())?;
            Ok(Exit::Done)
        }
        None => {
            output::note(&format!("stored, and not answered in time; ask again with --key {key}"));
            Ok(Exit::TimedOut)
        }
    }
}

/// The answer of the workflow; nothing where the time is up before.
async fn answer(
    client: &Client,
    path: &[&str],
    payload: &RawValue,
    key: &str,
    at_most: Duration,
) -> anyhow::Result<Option<Answer>> {
    let begun = Instant::now();
    loop {
        let left = at_most.saturating_sub(begun.elapsed());
        let round = left.min(ROUND);
        let headers = idempotency(Some(key.to_owned()))?;
        let json = payload.get().to_owned();
        let answer = client.post_waiting(path, json, headers, round).await?;
        if !answer.is_accepted() {
            return Ok(Some(answer));
        }
        if left == round {
            return Ok(None);
        }
    }
}
