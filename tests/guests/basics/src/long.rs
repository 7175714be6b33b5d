//! Runs that have many turns.

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

/// The same, but it prints first.
#[workflow]
#[expect(clippy::print_stdout, reason = "it is a workflow that prints")]
pub async fn rounds_printed(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    println!("{rounds:?}");
    play(rounds).await
}

async fn play(rounds: Rounds) -> Result<(u64, Vec<String>), Error> {
    let webhook = Webhook::new();
    let (mut steps, mut said) = (0, Vec::new());
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
