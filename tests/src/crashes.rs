//! A host that is killed again and again while steps run, and one that a step itself kills: who is
//! not at fault completes, and who is gets stopped and named.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load::process::Process;

/// How long what is left may take once nobody kills the host any more: a step that was cut off in life
/// after life is not tried at once.
const SETTLE: Duration = Duration::from_secs(1_200);

/// How often a step may take the host with it before it is stopped.
const MOST_DEATHS: u32 = 30;

/// Kills a host again and again while its steps run
#[derive(Debug, Parser)]
pub struct Options {
    /// How many runs there are, each with one step
    #[arg(long, default_value_t = 1_000)]
    pub runs: usize,

    /// How long each step takes, in milliseconds
    #[arg(long, default_value_t = 3_000)]
    pub step: u64,

    /// How often the host is killed
    #[arg(long, default_value_t = 300)]
    pub kills: u32,

    /// How long it lives each time, in milliseconds, once it answers
    #[arg(long, default_value_t = 1_000)]
    pub life: u64,

    /// Also lets a step kill the host until it is stopped: ten minutes, most of which are pauses
    #[arg(long)]
    pub killer: bool,
}

/// Kills the host as often as is wished, and says how long the rest took.
///
/// # Errors
///
/// A run has not completed.
pub async fn from_outside(options: &Options) -> anyhow::Result<String> {
    let directory = TempDir::new()?;
    let (client, mut host) = open(directory.path()).await?;
    let mut runs = Vec::new();
    for _ in 0..options.runs {
        runs.push(host.start_run(&client, "step_fails", json!({ "slow": options.step })).await?);
    }
    for _ in 0..options.kills {
        live_for(Duration::from_millis(options.life)).await;
        host.kill_and_start_again(directory.path()).await?;
    }
    let begun = Instant::now();
    for run in &runs {
        let view = until_it_rests(&client, &mut host, (directory.path(), begun), run).await?;
        ensure!(view["output"] == json!({ "Ok": false }), "a run has not completed: {view}");
    }
    host.stop().await?;
    Ok(format!(
        "{} runs completed {:?} after the last of {} kills",
        runs.len(),
        begun.elapsed(),
        options.kills
    ))
}

/// Starts a run whose step kills the host, among others, and starts the host again whenever it dies:
/// says how often it did.
///
/// # Errors
///
/// The host dies for ever, the run is not stopped or its step is not named, or a neighbour has not
/// completed.
pub async fn from_inside(neighbours: usize) -> anyhow::Result<String> {
    let directory = TempDir::new()?;
    let (client, mut host) = open(directory.path()).await?;
    let mut others = Vec::new();
    for _ in 0..neighbours {
        others.push(host.start_run(&client, "step_fails", json!({ "slow": 300 })).await?);
    }
    // It may have died before it could answer; with a key, whoever asks again asks for the same run.
    let key = [("idempotency-key", "killer")];
    let killer = loop {
        match host.start_keyed(&client, "step_fails", json!({ "kills": null }), key).await {
            Ok(run) => break run,
            Err(_cut_off) => host.start_again(directory.path()).await?,
        }
    };
    let begun = Instant::now();
    let view = until_it_rests(&client, &mut host, (directory.path(), begun), &killer).await?;
    ensure!(
        view.to_string().contains("kills"),
        "the step that kills the host is not named: {view}"
    );
    for run in &others {
        let view = until_it_rests(&client, &mut host, (directory.path(), begun), run).await?;
        ensure!(view["output"] == json!({ "Ok": false }), "a neighbour has not completed: {view}");
    }
    let deaths = host.deaths();
    ensure!(deaths <= MOST_DEATHS, "the step killed the host {deaths} times");
    host.stop().await?;
    Ok(format!(
        "a step was stopped after it had killed the host {deaths} times, within {:?}",
        begun.elapsed()
    ))
}

async fn open(data: &Path) -> anyhow::Result<(Client, Process)> {
    let _first_is_enough = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let host = Process::start(data).await?;
    host.deploy(&client, crate::basics()).await?;
    Ok((client, host))
}

/// The run once it has ended or is blocked. The host is started again where it has died.
async fn until_it_rests(
    client: &Client,
    host: &mut Process,
    (data, begun): (&Path, Instant),
    run: &str,
) -> anyhow::Result<Value> {
    loop {
        ensure!(begun.elapsed() < SETTLE, "{run} does not end");
        match host.look(client, run, "1s").await {
            Ok(view) if !view["ended_at"].is_null() || !view["blocked"].is_null() => {
                return Ok(view);
            }
            Ok(_goes_on) => {}
            Err(_cut_off) => {
                host.start_again(data).await.context("the host does not start again")?
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long the host lives is what is tried")]
async fn live_for(time: Duration) {
    tokio::time::sleep(time).await;
}
