//! W11: a step writes chunks to a stream, one after the other, and somebody reads along: from the start of the run
//! to the end of the stream.

use std::time::Instant;

use anyhow::ensure;

use crate::cli::bench::child::Host;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;

/// How many chunks the step writes, and how many of them shall come in a second.
const CHUNKS: usize = 100_000;
const LEAST: f64 = 20_000.0;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let mut client = host.connect().await?;
    bench
        .rounds("W11", async || {
            let chunks = bench.scaled(CHUNKS);
            let begun = Instant::now();
            let run = client.start("streamer", &chunks.to_string()).await?;
            let path = format!("/v1/runs/{run}/streams/words?follow");
            let read = client.events(&path, "chunk").await?;
            ensure!(read == chunks, "{read} chunks of {chunks} came");
            let rate = chunks as f64 / begun.elapsed().as_secs_f64();
            let what = "chunks from a step to a reader";
            Ok(vec![Figure::new(what, Unit::PerSecond, rate).at_least(LEAST)])
        })
        .await
}
