//! W5: going on after the host was killed: how soon it answers with many runs that sleep, and how
//! soon a run goes on that has many turns behind it and no live guest.

use std::time::Instant;

use crate::cli::bench::child::Host;
use crate::cli::bench::connection::Connection;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;
use crate::cli::bench::{calls, sleepers, webhooks};
use crate::cli::output;

/// How many runs sleep while the host starts again.
const SLEEPERS: usize = 100_000;

/// How many turns a run has behind it.
const HISTORIES: [usize; 3] = [1_000, 10_000, 1_000_000];

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = answers(bench).await?;
    rows.extend(goes_on(bench).await?);
    Ok(rows)
}

async fn answers(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let sleepers = bench.scaled(SLEEPERS);
    output::note(&format!("W5: starting {sleepers} runs that sleep"));
    sleepers::start(&host, sleepers).await?;
    let run = host.connect().await?.start("sleeper", "null").await?;
    let mut running = Some(host);
    bench
        .rounds("W5", async || {
            if let Some(host) = running.take() {
                host.kill().await?;
            }
            let begun = Instant::now();
            let host = Host::start_again(directory.path()).await?;
            host.connect().await?.run(&run).await?;
            let took = begun.elapsed().as_secs_f64() * 1e3;
            running = Some(host);
            let what =
                format!("from the start of the process to an answer, {sleepers} runs that sleep");
            Ok(vec![Figure::new(what, Unit::Ms, took).at_most(1_000.0)])
        })
        .await
}

async fn goes_on(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    // The first event after a restart also loads the module, whichever run it is for.
    let mut hooks = vec![(0, webhooks::open(&mut host, 1, 0).await?.swap_remove(0))];
    for turns in HISTORIES {
        let turns = bench.scaled(turns);
        output::note(&format!("W5: making a run with {turns} turns"));
        hooks.push((turns, webhooks::open(&mut host, 1, turns).await?.swap_remove(0)));
    }
    let mut running = Some(host);
    bench
        .rounds("W5", async || {
            if let Some(host) = running.take() {
                host.kill().await?;
            }
            let mut host = Host::start_again(directory.path()).await?;
            let mut figures = Vec::new();
            for (turns, path) in &hooks {
                let mut caller = Connection::open(&host.webhooks).await?;
                let took = calls::call(&mut host, &mut caller, path).await?;
                figures.push(match turns {
                    0 => Figure::new("the first webhook call after the restart", Unit::Ms, took),
                    _ => {
                        let what = format!(
                            "from a webhook call to the next step, {turns} turns behind it"
                        );
                        Figure::new(what, Unit::Ms, took).at_most(5.0)
                    }
                });
            }
            running = Some(host);
            Ok(figures)
        })
        .await
}
