//! W9: a run that works is asked a thousand times a second. How long does an answer take, and what does it
//! cost the run?

use std::cell::Cell;
use std::time::Duration;

use anyhow::Context;
use futures::future::try_join_all;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::cli::bench::child::Host;
use crate::cli::bench::connection::Connection;
use crate::cli::bench::figures::{Figure, Row, Unit, share};
use crate::cli::bench::notes::{ms_between, now};
use crate::cli::bench::rounds::Bench;

/// How many steps the run has.
const STEPS: usize = 20_000;

/// How many ask, and how often each does: a thousand times a second in all.
const ASKERS: usize = 16;
const PERIOD: Duration = Duration::from_millis(16);

/// By how much the run may be slower when it is asked, as a factor.
const FACTOR: f64 = 1.05;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let steps = bench.scaled(STEPS).max(2);
    bench
        .rounds("W9", async || {
            start(&host, steps).await?;
            let alone = step_ms(&mut host, steps).await?;
            let (asked, latencies) = ask_meanwhile(&mut host, steps).await?;
            let rate = latencies.len() as f64 / (asked * steps as f64 / 1e3);
            let what = "a query of a run that works";
            Ok(vec![
                Figure::new(format!("{what}, p50"), Unit::Ms, share(latencies.clone(), 0.5))
                    .at_most(1.0),
                Figure::new(format!("{what}, p99"), Unit::Ms, share(latencies, 0.99)),
                Figure::new("queries", Unit::PerSecond, rate),
                Figure::new("a step of the run, while it is asked", Unit::Ms, asked)
                    .at_most(alone * FACTOR),
                Figure::new("  while it is not", Unit::Ms, alone),
            ])
        })
        .await
}

async fn start(host: &Host, steps: usize) -> anyhow::Result<String> {
    host.connect().await?.start("asked", &steps.to_string()).await
}

/// What a step of the run takes, on the average.
async fn step_ms(host: &mut Host, steps: usize) -> anyhow::Result<f64> {
    let notes = host.notes(steps).await?;
    let (_, first) = notes.first().context("nothing was noted")?;
    let (_, last) = notes.last().context("nothing was noted")?;
    Ok(ms_between(*first, *last) / (steps - 1) as f64)
}

/// A run that is asked while it works: what a step of it takes, and how long each answer took.
async fn ask_meanwhile(host: &mut Host, steps: usize) -> anyhow::Result<(f64, Vec<f64>)> {
    let mut askers = Vec::new();
    for _ in 0..ASKERS {
        askers.push(host.connect().await?);
    }
    let run = start(host, steps).await?;
    let path = format!("/v1/runs/{run}/queries/done");
    let is_over = Cell::new(false);
    let working = async {
        let step = step_ms(host, steps).await;
        is_over.set(true);
        step
    };
    // One after the other: a thousand a second are one each millisecond, and not sixteen at once.
    let begun = Instant::now();
    let first = (0..).map(|number| begun + PERIOD * number / ASKERS as u32);
    let asking = askers.into_iter().zip(first).map(|(asker, at)| ask((asker, at), &path, &is_over));
    let asking = try_join_all(asking);
    let (step, latencies) = tokio::try_join!(working, asking)?;
    Ok((step, latencies.into_iter().flatten().collect()))
}

/// Asks until the run is over, at least once: the milliseconds that each answer took.
async fn ask(
    (mut asker, first): (Connection, Instant),
    path: &str,
    is_over: &Cell<bool>,
) -> anyhow::Result<Vec<f64>> {
    let mut ticks = interval_at(first, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::new();
    loop {
        ticks.tick().await;
        let asked = now();
        asker.ask(path).await?;
        times.push(ms_between(asked, now()));
        if is_over.get() {
            return Ok(times);
        }
    }
}
