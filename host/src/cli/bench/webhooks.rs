//! W6: from the call of a webhook to the beginning of the step that it leads to.

use anyhow::Context;
use segno_api::Wait;

use crate::cli::bench::child::Host;
use crate::cli::bench::connection::Connection;
use crate::cli::bench::crowd::{CLIENTS, crowd};
use crate::cli::bench::figures::{Figure, Row, Unit, share};
use crate::cli::bench::notes::{ms_between, now};
use crate::cli::bench::rounds::Bench;

/// How many calls come one after another.
const ALONE: usize = 2_000;

/// How many calls come from many callers, in all.
const TOGETHER: usize = 20_000;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let hooks = open(&mut host, CLIENTS, 0).await?;
    let mut caller = Connection::open(&host.webhooks).await?;
    let alone = bench.scaled(ALONE);
    let together = bench.scaled(TOGETHER);
    bench
        .rounds("W6", async || {
            let mut times = Vec::new();
            for _ in 0..alone {
                times.push(call(&mut host, &mut caller, &hooks[0]).await?);
            }
            let (calls, latencies) = call_together(&mut host, &hooks, together).await?;
            let who = "from a webhook call to the next step";
            let crowd = format!("{CLIENTS} callers");
            Ok(vec![
                Figure::new(format!("{who}, one caller, p50"), Unit::Ms, share(times.clone(), 0.5))
                    .at_most(0.3),
                Figure::new(format!("{who}, one caller, p99"), Unit::Ms, share(times, 0.99))
                    .at_most(5.0),
                Figure::new(format!("webhook calls, {crowd}"), Unit::PerSecond, calls)
                    .at_least(5_000.0),
                Figure::new(
                    format!("{who}, {crowd}, p50"),
                    Unit::Ms,
                    share(latencies.clone(), 0.5),
                ),
                Figure::new(format!("{who}, {crowd}, p99"), Unit::Ms, share(latencies, 0.99)),
            ])
        })
        .await
}

/// Starts so many runs that have this many turns and then wait for calls; the paths to call.
pub(super) async fn open(
    host: &mut Host,
    runs: usize,
    turns: usize,
) -> anyhow::Result<Vec<String>> {
    let mut client = host.connect().await?;
    let mut paths = Vec::new();
    for _ in 0..runs {
        let run = client.start("hook", &turns.to_string()).await?;
        host.notes(1).await?;
        let view = client.run(&run).await?;
        let webhook = view.waits_for.into_iter().find_map(|wait| match wait {
            Wait::Webhook { url, .. } => Some(url),
            _ => None,
        });
        // A host that was started again listens elsewhere: of the URL, only the path stays.
        let uri: http::Uri = webhook.context("the run has no webhook")?.parse()?;
        paths.push(uri.path().to_owned());
    }
    Ok(paths)
}

/// Calls a webhook, and waits for the step: the milliseconds from the one to the other.
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
    hooks: &[String],
    calls: usize,
) -> anyhow::Result<(f64, Vec<f64>)> {
    let called = crowd(&host.webhooks, calls, async |caller, index| {
        let called = now();
        caller.call(&hooks[index % hooks.len()], index).await?;
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
