//! From a call to the beginning of the step that it leads to: of one caller, and of many at once. Whatever is
//! called, its body is a number, and the step notes it.

use anyhow::Context;

use crate::cli::bench::child::Host;
use crate::cli::bench::connection::{Connection, Target};
use crate::cli::bench::crowd::{CLIENTS, crowd};
use crate::cli::bench::figures::{Figure, Row, Unit, share};
use crate::cli::bench::notes::{ms_between, now};
use crate::cli::bench::rounds::Bench;

/// How many calls come one after another.
const ALONE: usize = 2_000;

/// How many calls come from many callers, in all.
const TOGETHER: usize = 20_000;

/// What is called, and in which words it is told.
pub(super) struct Calls {
    pub(super) workload: &'static str,
    /// One of them, and many.
    pub(super) names: [&'static str; 2],
    pub(super) caller: &'static str,
    pub(super) target: Target,
    /// One for each run.
    pub(super) paths: Vec<String>,
}

/// Measures the calls.
pub(super) async fn measure(
    bench: &Bench,
    host: &mut Host,
    calls: &Calls,
) -> anyhow::Result<Vec<Row>> {
    let mut caller = Connection::open(&calls.target).await?;
    let alone = bench.scaled(ALONE);
    let together = bench.scaled(TOGETHER);
    bench
        .rounds(calls.workload, async || {
            let mut times = Vec::new();
            for _ in 0..alone {
                times.push(call(host, &mut caller, &calls.paths[0]).await?);
            }
            let (rate, latencies) = call_together(host, calls, together).await?;
            Ok(figures(calls, times, rate, latencies))
        })
        .await
}

fn figures(calls: &Calls, times: Vec<f64>, rate: f64, latencies: Vec<f64>) -> Vec<Figure> {
    let [one, many] = calls.names;
    let who = format!("from {one} to the next step");
    let alone = format!("one {}", calls.caller);
    let crowd = format!("{CLIENTS} {}s", calls.caller);
    vec![
        Figure::new(format!("{who}, {alone}, p50"), Unit::Ms, share(times.clone(), 0.5))
            .at_most(0.3),
        Figure::new(format!("{who}, {alone}, p99"), Unit::Ms, share(times, 0.99)).at_most(5.0),
        Figure::new(format!("{many}, {crowd}"), Unit::PerSecond, rate).at_least(5_000.0),
        Figure::new(format!("{who}, {crowd}, p50"), Unit::Ms, share(latencies.clone(), 0.5)),
        Figure::new(format!("{who}, {crowd}, p99"), Unit::Ms, share(latencies, 0.99)),
    ]
}

/// Calls a run, and waits for the step: the milliseconds from the one to the other.
pub(super) async fn call(
    host: &mut Host,
    caller: &mut Connection,
    path: &str,
) -> anyhow::Result<f64> {
    let called = now();
    caller.call(path, 0).await?;
    let notes = host.notes(1).await?;
    let (_, began) = notes.first().context("the step noted nothing")?;
    Ok(ms_between(called, *began))
}

/// Many callers, each with a run of its own: calls in a second, and the latency of each.
async fn call_together(
    host: &mut Host,
    Calls { target, paths, .. }: &Calls,
    calls: usize,
) -> anyhow::Result<(f64, Vec<f64>)> {
    let called = crowd(target, calls, async |caller, index| {
        let called = now();
        caller.call(&paths[index % paths.len()], index).await?;
        Ok((index, called))
    });
    let mut called = called.await?;
    let notes = host.notes(calls).await?;
    called.sort_unstable();
    let first = called.iter().map(|(_, at)| *at).min().context("nobody called")?;
    let last = notes.iter().map(|(_, at)| *at).max().context("nothing was noted")?;
    let began = notes
        .iter()
        .filter_map(|(number, at)| Some((called.get(usize::try_from(*number).ok()?)?, at)));
    let latencies = began.map(|((_, called), began)| ms_between(*called, *began)).collect();
    Ok((calls as f64 / (ms_between(first, last) / 1e3), latencies))
}
