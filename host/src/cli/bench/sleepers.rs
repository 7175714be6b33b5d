//! W4: runs that sleep for an hour: how fast they start, and what they take of memory and disk.

use std::time::Instant;

use crate::cli::bench::child::Host;
use crate::cli::bench::crowd::crowd;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;
use crate::cli::output;

/// How many runs there are.
const SLEEPERS: usize = 100_000;

/// How many runs there are where many are asked for.
const MANY: usize = 1_000_000;

/// What each may take, in bytes: of memory, and of the disk.
const EACH: f64 = 1024.0;

/// The memory in which many have to fit, in bytes.
const MEMORY_FOR_MANY: f64 = 2.0 * (1 << 30) as f64;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let sleepers = bench.scaled(SLEEPERS);
    let mut rows = bench.rounds("W4", async || round(bench, sleepers).await).await?;
    if bench.args.million {
        let many = bench.scaled(MANY);
        output::note(&format!("W4: starting {many} runs that sleep; this takes minutes"));
        rows.extend(super::figures::rows("W4", &[many_sleepers(bench, many).await?]));
    }
    Ok(rows)
}

async fn round(bench: &Bench, sleepers: usize) -> anyhow::Result<Vec<Figure>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let fresh = host.resident();
    let empty = host.stored()?;
    let starts = start(&host, sleepers).await?;
    let full = host.resident();
    // A host that starts again holds no guest before its run has an event.
    let again = Host::start_again(&host.kill().await?).await?;
    let each = |after: Option<u64>, before: Option<u64>| {
        after
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before) as f64 / sleepers as f64)
    };
    Ok(vec![
        Figure::new(format!("starts, {sleepers} runs"), Unit::PerSecond, starts).at_least(5_000.0),
        Figure::new("memory for each, no guest live", Unit::Bytes, each(again.resident(), fresh))
            .at_most(EACH),
        Figure::new("disk for each", Unit::Bytes, each(Some(again.stored()?), Some(empty)))
            .at_most(EACH),
        Figure::new(
            "memory of the host, some guests live",
            Unit::Bytes,
            full.map(|bytes| bytes as f64),
        ),
    ])
}

async fn many_sleepers(bench: &Bench, sleepers: usize) -> anyhow::Result<Vec<Figure>> {
    let directory = bench.directory()?;
    let host = Host::start(directory.path()).await?;
    let starts = start(&host, sleepers).await?;
    let memory = host.resident().map(|bytes| bytes as f64);
    let stored = host.stored()? as f64;
    Ok(vec![
        Figure::new(format!("starts, {sleepers} runs"), Unit::PerSecond, starts).at_least(5_000.0),
        Figure::new("memory of the host, some guests live", Unit::Bytes, memory)
            .at_most(MEMORY_FOR_MANY),
        Figure::new("disk", Unit::Bytes, stored),
    ])
}

/// Starts so many runs that sleep; how many a second.
pub(super) async fn start(host: &Host, sleepers: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    crowd(&host.management, sleepers, async |client, _| client.start("sleeper", "null").await)
        .await?;
    Ok(sleepers as f64 / begun.elapsed().as_secs_f64())
}
