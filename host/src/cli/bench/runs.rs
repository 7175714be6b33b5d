//! W2: many runs of a few steps, by many clients. Each client starts a run, waits for its end, and
//! starts the next one.

use std::time::Instant;

use crate::cli::bench::child::Host;
use crate::cli::bench::crowd::crowd;
use crate::cli::bench::figures::{Figure, Row, Unit, share};
use crate::cli::bench::rounds::Bench;

/// How many runs there are.
const RUNS: usize = 1_000;

/// How many steps each has.
const STEPS: usize = 10;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let runs = bench.scaled(RUNS);
    bench.rounds("W2", async || round(&mut host, runs).await).await
}

async fn round(host: &mut Host, runs: usize) -> anyhow::Result<Vec<Figure>> {
    let begun = Instant::now();
    let times = crowd(&host.management, runs, async |client, _| {
        let begun = Instant::now();
        let run = client.start("sequential", &STEPS.to_string()).await?;
        client.completed(&run).await?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    });
    let times = times.await?;
    let steps = (runs * STEPS) as f64 / begun.elapsed().as_secs_f64();
    host.notes(runs * STEPS).await?;
    Ok(vec![
        Figure::new(format!("steps, {runs} runs of {STEPS}"), Unit::PerSecond, steps)
            .at_least(20_000.0),
        Figure::new("a run from start to end, p50", Unit::Ms, share(times.clone(), 0.5)),
        Figure::new("a run from start to end, p99", Unit::Ms, share(times, 0.99)).at_most(100.0),
    ])
}
