//! W3: one run, many steps at once, from the start of the run to its end.

use std::time::Instant;

use crate::cli::bench::child::Host;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;

/// How many steps a run has, and how many milliseconds it may take.
const CROWDS: [(usize, f64); 2] = [(1_000, 50.0), (10_000, 500.0)];

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let mut client = host.connect().await?;
    bench
        .rounds("W3", async || {
            let mut figures = Vec::new();
            for (steps, most) in CROWDS {
                let steps = bench.scaled(steps);
                let begun = Instant::now();
                let run = client.start("parallel", &steps.to_string()).await?;
                client.completed(&run).await?;
                let took = begun.elapsed().as_secs_f64() * 1e3;
                figures.push(
                    Figure::new(format!("{steps} steps at once"), Unit::Ms, took).at_most(most),
                );
            }
            Ok(figures)
        })
        .await
}
