//! W10: one run, many children that do one step each, from the start of the run to its end.

use std::time::Instant;

use crate::cli::bench::child::Host;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;

/// How many children a run has, and how many milliseconds it may take.
const CHILDREN: usize = 1_000;
const MOST: f64 = 500.0;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let mut client = host.connect().await?;
    bench
        .rounds("W10", async || {
            let children = bench.scaled(CHILDREN);
            let begun = Instant::now();
            let run = client.start("parent", &children.to_string()).await?;
            client.completed(&run).await?;
            let took = begun.elapsed().as_secs_f64() * 1e3;
            let what = format!("{children} children that do one step");
            Ok(vec![Figure::new(what, Unit::Ms, took).at_most(MOST)])
        })
        .await
}
