//! W7: many live runs, each woken once a second: what that takes, and whether anything is late.

use std::time::Duration;

use crate::cli::bench::child::Host;
use crate::cli::bench::crowd::crowd;
use crate::cli::bench::figures::{Figure, Row, Unit};
use crate::cli::bench::rounds::Bench;

/// How many runs there are.
const TICKERS: usize = 10_000;

/// How often each is woken, once a second.
const TICKS: usize = 30;

/// How many of the first do not count: meanwhile the others are started.
const UNCOUNTED: usize = 5;

/// For how much of the time computing is counted, from the moment at which all are started.
const COUNTED: f64 = 0.5;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    bench.rounds("W7", async || round(bench).await).await
}

#[expect(clippy::disallowed_methods, reason = "what is measured is what happens in this time")]
async fn round(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let tickers = bench.scaled(TICKERS);
    let ticks = bench.scaled(TICKS).max(2);
    let uncounted = UNCOUNTED.min(ticks - 1);
    let input = format!("{{\"ticks\":{ticks},\"uncounted\":{uncounted}}}");
    crowd(&host.management, tickers, async |client, _| client.start("ticker", &input).await)
        .await?;
    let window = Duration::from_secs_f64(ticks as f64 * COUNTED);
    let before = host.computed();
    tokio::time::sleep(window).await;
    let computed = host.computed().zip(before).map(|(after, before)| after.saturating_sub(before));
    let memory = host.resident().map(|bytes| bytes as f64);
    let notes = host.notes(tickers).await?;
    let latest = notes.iter().map(|(late, _)| *late).max().unwrap_or(0) as f64;
    let cores = computed.map(|time| time.as_secs_f64() / window.as_secs_f64());
    Ok(vec![
        Figure::new(format!("the latest of {tickers} runs, woken once a second"), Unit::Ms, latest)
            .at_most(100.0),
        Figure::new("cores that the host keeps busy", Unit::Cores, cores),
        Figure::new("memory of the host", Unit::Bytes, memory),
    ])
}
