//! A crowd before a real host: callers of webhooks and starters of runs that come faster than it can
//! work, for as long as one likes, perhaps with kills between.

mod check;
mod crowd;
mod ledger;
mod options;
pub(crate) mod process;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;
use tokio_util::sync::CancellationToken;

use crate::load::crowd::{Crowd, Hook};
use crate::load::ledger::Ledger;
use crate::load::process::Process;
use crate::load::watch::Watch;

pub use options::Options;

/// How long what was acknowledged may take to be done once the crowd has gone.
const SETTLE: Duration = Duration::from_secs(300);

/// Lets the crowd come, and checks what the host did.
///
/// # Errors
///
/// What the host did wrong, or why it cannot be told.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let data = options.data.clone().unwrap_or_else(|| temporary.path().join("data"));
    let _first_is_enough = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let mut host = Process::start(&data).await?;
    host.deploy(&client, crate::basics()).await?;
    let hooks = open_hooks(&client, &host, options.hooks).await?;
    let ledger = Arc::new(Ledger::default());
    let crowd =
        Crowd { client: client.clone(), host: host.urls(), hooks, ledger: Arc::clone(&ledger) };
    let hooks = crowd.hooks.clone();
    let (stop, watch) = (CancellationToken::new(), Watch::new(options.max_memory << 20));
    let tasks = crowd.come(&options, &stop);
    endure(&mut host, &data, &options, (&ledger, &watch)).await?;
    stop.cancel();
    tasks.join_all().await;
    settle(&client, &host, hooks.len()).await?;
    watch.look(&host, &data, "at rest", &ledger)?;
    host.stop().await?;
    ledger.print();
    check::acknowledged_is_stored(&data, &hooks, &ledger)?;
    ensure!(ledger.strange().is_empty(), "answers that no crowd explains: {:?}", ledger.strange());
    watch.within_budget()
}

/// Lets the time pass, and looks at the host now and then; it is killed as often as is wished.
#[expect(
    clippy::disallowed_methods,
    reason = "the crowd comes for a time, and that is all there is to wait for"
)]
async fn endure(
    host: &mut Process,
    data: &Path,
    options: &Options,
    (ledger, watch): (&Ledger, &Watch),
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut kills = 0;
    let mut told = Duration::ZERO;
    let between = options.time / (options.kills + 1);
    while begun.elapsed() < options.time {
        tokio::time::sleep(Duration::from_millis(200).min(options.time)).await;
        if kills < options.kills && begun.elapsed() >= between * (kills + 1) {
            kills += 1;
            host.kill_and_start_again(data).await?;
        }
        watch.note(host);
        if begun.elapsed() >= told + watch::EVERY {
            told += watch::EVERY;
            watch.look(host, data, &format!("after {} s", told.as_secs()), ledger)?;
        }
    }
    ensure!(kills == options.kills, "the host was killed only {kills} times: give it more time");
    Ok(())
}

/// Starts the runs whose webhooks are called: half of them answer by themselves.
async fn open_hooks(client: &Client, host: &Process, count: usize) -> anyhow::Result<Vec<Hook>> {
    let mut hooks = Vec::new();
    for number in 0..count {
        let is_manual = number % 2 == 1;
        let workflow = if is_manual { "hook_manual" } else { "hook" };
        let run = host.start_run(client, workflow, u32::MAX.into()).await?;
        let url = host.webhook_of(client, &run).await?;
        hooks.push(Hook { run: run.parse().context("a run has a name")?, url, is_manual });
    }
    Ok(hooks)
}

/// Waits until nothing is unfinished but the runs with the webhooks.
async fn settle(client: &Client, host: &Process, hooks: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let unfinished = host.unfinished(client).await?;
        if unfinished <= hooks {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < SETTLE,
            "{unfinished} runs have not ended {SETTLE:?} after the crowd went"
        );
        tokio::task::yield_now().await;
    }
}
