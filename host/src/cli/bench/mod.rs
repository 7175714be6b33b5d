//! `bench`: what this machine and its disk make of Segno, measured beside what they do by themselves.
//!
//! The host that is measured is a process of its own, with the defaults and with durable commits. The
//! one who measures is a client of it, over HTTP on the same machine, and shares its cores.

mod args;
mod child;
mod connection;
mod crowd;
mod figures;
mod host;
mod machine;
mod notes;
mod parallel;
mod report;
mod restart;
mod runs;
mod sequential;
mod sleepers;
mod tickers;
mod webhooks;

use anyhow::{Context, bail};
use clap::ValueEnum;
use tempfile::TempDir;

pub(super) use self::args::BenchArgs;

use self::args::Workload;
use self::figures::{Figure, Row};
use self::machine::Machine;
use self::report::Report;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::shutdown_signal;

/// What is to be measured, how often, and where.
struct Bench {
    args: BenchArgs,
}

pub(super) async fn run(args: BenchArgs, output: Output) -> anyhow::Result<Exit> {
    if let Some(data) = args.host {
        return host::run(data).await;
    }
    let bench = Bench { args };
    let report = tokio::select! {
        report = bench.measure() => report?,
        // The directories and the measured host are gone when what holds them is dropped.
        () = shutdown_signal() => bail!("stopped before all was measured"),
    };
    output.show(&serde_json::to_string(&report)?, || report.text())?;
    Ok(Exit::Done)
}

impl Bench {
    async fn measure(&self) -> anyhow::Result<Report> {
        let machine = Machine::of(&self.args.directory);
        let disk = machine::ask_disk(self.directory()?.path())?;
        let mut rows = Vec::new();
        for workload in Workload::value_variants() {
            if self.args.only.is_empty() || self.args.only.contains(workload) {
                rows.extend(self.rows(*workload).await?);
            }
        }
        Ok(Report { machine, disk, load_at_end: machine::load(), rounds: self.args.rounds, rows })
    }

    async fn rows(&self, workload: Workload) -> anyhow::Result<Vec<Row>> {
        match workload {
            Workload::Sequential => sequential::measure(self).await,
            Workload::Runs => runs::measure(self).await,
            Workload::Parallel => parallel::measure(self).await,
            Workload::Sleepers => sleepers::measure(self).await,
            Workload::Restart => restart::measure(self).await,
            Workload::Webhooks => webhooks::measure(self).await,
            Workload::Tickers => tickers::measure(self).await,
        }
    }

    /// Makes the rounds of a workload.
    async fn rounds(
        &self,
        workload: &'static str,
        mut round: impl AsyncFnMut() -> anyhow::Result<Vec<Figure>>,
    ) -> anyhow::Result<Vec<Row>> {
        let mut rounds = Vec::new();
        for number in 1..=self.args.rounds {
            output::note(&format!("{workload}: round {number} of {}", self.args.rounds));
            rounds.push(round().await.with_context(|| format!("{workload} cannot be measured"))?);
        }
        Ok(figures::rows(workload, &rounds))
    }

    /// So many things, or fewer where that is asked for.
    fn scaled(&self, count: usize) -> usize {
        ((count as f64 * self.args.scale) as usize).max(1)
    }

    /// A directory on the disk that is measured, removed when it is dropped.
    fn directory(&self) -> anyhow::Result<TempDir> {
        let parent = &self.args.directory;
        let made = TempDir::with_prefix_in("segno-bench-", parent);
        made.with_context(|| format!("cannot make a directory in {}", parent.display()))
    }
}
