//! Runs that have many turns.

use futures::future::try_join_all;
use segno::{Error, Webhook, workflow};
use serde::Deserialize;

use crate::steps;

/// How often to do how much.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rounds {
    /// How many requests to wait for.
    pub calls: usize,
    /// How many steps to run before each.
    pub steps: usize,
}

/// Runs some steps, waits for a request, and so on; returns how many steps there were, and what the
/// requests said.
#[workflow]
pub async fn rounds(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    play(rounds).await
}

/// The same, of which only the last turns are kept.
#[workflow(history = "keep 100")]
pub async fn rounds_kept(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    play(rounds).await
}

/// Runs a thousand steps at once, and that again and again; only the last turns are kept. Returns how
/// many steps there were.
#[workflow(history = "keep 1000")]
pub async fn crowds_kept(crowds: usize) -> Result<u64, Error> {
    let mut steps = 0;
    for _ in 0..crowds {
        steps += try_join_all((0..1_000).map(|_| steps::add(0, 1))).await?.into_iter().sum::<u64>();
    }
    Ok(steps)
}

/// Runs steps that fail once each, disposes of a webhook after each, and then waits for a request on
/// another one; only the last turns are kept.
#[workflow(history = "keep 100")]
pub async fn mishaps_kept(steps: usize) -> Result<usize, Error> {
    for _ in 0..steps {
        let webhook = Webhook::new();
        steps::flaky(1).await?;
        webhook.dispose();
    }
    Webhook::new().next().await;
    Ok(steps)
}

/// Notes something so many times, and then calls a step that needs a file; only the last turns are kept.
#[workflow(history = "keep 10")]
pub async fn needs_file_kept(given: (String, usize)) -> Result<usize, Error> {
    let (path, notes) = given;
    for _ in 0..notes {
        steps::note("noted".to_owned()).await?;
    }
    steps::needs_file(path).await?;
    Ok(notes)
}

/// As `rounds`, but it prints first.
#[workflow]
#[expect(clippy::print_stdout, reason = "it is a workflow that prints")]
pub async fn rounds_printed(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    println!("{rounds:?}");
    play(rounds).await
}

async fn play(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    let webhook = Webhook::new();
    let mut steps = 0;
    let mut said = Vec::new();
    for _ in 0..rounds.calls {
        for _ in 0..rounds.steps {
            steps = steps::add(steps, 1).await?;
        }
        if let Some(request) = webhook.next().await {
            said.push(request.text()?.to_owned());
        }
    }
    Ok((steps, said))
}
