//! `bench`: what this machine and its disk make of Segno, measured beside what they do by themselves.
//!
//! The host that is measured is a process of its own, with the defaults and with durable commits. The
//! one who measures is a client of it, over HTTP on the same machine, and shares its cores.

mod calls;
mod child;
mod children;
mod connection;
mod crowd;
mod figures;
mod host;
mod machine;
mod notes;
mod parallel;
mod queries;
mod report;
mod restart;
mod rounds;
mod runs;
mod sequential;
mod signals;
mod sleepers;
mod streams;
mod tickers;
mod webhooks;

use anyhow::bail;
use clap::ValueEnum;

use self::figures::Row;
use self::machine::Machine;
use self::report::Report;
use self::rounds::Bench;
use crate::cli::args::{BenchArgs, Workload};
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::shutdown_signal;

pub(super) async fn run(args: BenchArgs, output: Output) -> anyhow::Result<Exit> {
    if let Some(data) = args.host {
        return host::run(data).await;
    }
    let bench = Bench { args };
    let report = tokio::select! {
        report = measure(&bench) => report?,
        // The directories and the measured host are gone when what holds them is dropped.
        () = shutdown_signal() => bail!("stopped before all was measured"),
    };
    output.show(&serde_json::to_string(&report)?, || report.text())?;
    Ok(Exit::Done)
}

async fn measure(bench: &Bench) -> anyhow::Result<Report> {
    let machine = Machine::of(&bench.args.directory);
    let disk = machine::ask_disk(bench.directory()?.path())?;
    let mut rows = Vec::new();
    for workload in Workload::value_variants() {
        if bench.args.only.is_empty() || bench.args.only.contains(workload) {
            rows.extend(rows_of(bench, *workload).await?);
        }
    }
    Ok(Report { machine, disk, load_at_end: machine::load(), rounds: bench.args.rounds, rows })
}

async fn rows_of(bench: &Bench, workload: Workload) -> anyhow::Result<Vec<Row>> {
    match workload {
        Workload::Sequential => sequential::measure(bench).await,
        Workload::Runs => runs::measure(bench).await,
        Workload::Parallel => parallel::measure(bench).await,
        Workload::Sleepers => sleepers::measure(bench).await,
        Workload::Restart => restart::measure(bench).await,
        Workload::Webhooks => webhooks::measure(bench).await,
        Workload::Tickers => tickers::measure(bench).await,
        Workload::Signals => signals::measure(bench).await,
        Workload::Queries => queries::measure(bench).await,
        Workload::Children => children::measure(bench).await,
        Workload::Streams => streams::measure(bench).await,
    }
}
