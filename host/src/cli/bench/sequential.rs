//! W1: one run, one step after another. Each step is a turn and a durable commit of its own.

use crate::cli::bench::child::Host;
use crate::cli::bench::figures::{Figure, Row, Unit, median};
use crate::cli::bench::machine;
use crate::cli::bench::notes::ms_between;
use crate::cli::bench::rounds::Bench;

/// How many steps a run has.
const LENGTHS: [usize; 3] = [1_000, 10_000, 100_000];

/// How much longer than the disk alone a step may take: as a factor, and in milliseconds.
const FACTOR: f64 = 1.3;
const ADDED_MS: f64 = 0.06;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let path = directory.path();
    bench
        .rounds("W1", async || {
            let mut figures = Vec::new();
            for length in LENGTHS {
                let steps = bench.scaled(length).max(2);
                let before = machine::ask_disk(path)?.append_ms;
                let step = step_ms(&mut host, steps).await?;
                // Others may use the disk at the same time; the better number is nearer to what it takes.
                let raw = before.min(machine::ask_disk(path)?.append_ms);
                let what = format!("a step, {steps} in one run");
                figures.push(Figure::new(what, Unit::Ms, step).at_most(raw * FACTOR + ADDED_MS));
                figures.push(Figure::new("  write and fdatasync beside it", Unit::Ms, raw));
            }
            Ok(figures)
        })
        .await
}

/// The time from the beginning of a step to that of the next one, the median of all.
async fn step_ms(host: &mut Host, steps: usize) -> anyhow::Result<f64> {
    host.connect().await?.start("sequential", &steps.to_string()).await?;
    let notes = host.notes(steps).await?;
    Ok(median(notes.windows(2).map(|pair| ms_between(pair[0].1, pair[1].1)).collect()))
}
