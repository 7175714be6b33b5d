//! What can be written after `bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchArgs {
    /// Only these workloads, as in W1,W4 [default: all]
    #[arg(long, value_name = "WORKLOADS", value_enum, value_delimiter = ',', ignore_case = true)]
    pub(in crate::cli) only: Vec<Workload>,

    /// How often each workload is measured; the median is shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) rounds: u16,

    /// Where the data directories are made, on the disk that is to be measured; they are removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(in crate::cli) directory: PathBuf,

    /// Also start 1,000,000 runs that sleep: some minutes, and some GiB on disk
    #[arg(long)]
    pub(in crate::cli) million: bool,

    /// By what all numbers of runs, steps and calls are multiplied: to see that it works
    #[arg(long, hide = true, default_value_t = 1.0)]
    pub(in crate::cli) scale: f64,

    /// Be the host that is measured, on this data directory
    #[arg(long, hide = true, value_name = "DIR")]
    pub(in crate::cli) host: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Workload {
    /// One run, one step after another
    #[value(name = "W1")]
    Sequential,
    /// Many runs of a few steps
    #[value(name = "W2")]
    Runs,
    /// One run, many steps at once
    #[value(name = "W3")]
    Parallel,
    /// Runs that sleep: how fast they start, and what they take
    #[value(name = "W4")]
    Sleepers,
    /// Going on after the host was killed
    #[value(name = "W5")]
    Restart,
    /// From the call of a webhook to the next step
    #[value(name = "W6")]
    Webhooks,
    /// Runs that are woken once a second
    #[value(name = "W7")]
    Tickers,
    /// From a signal to the next step
    #[value(name = "W8")]
    Signals,
    /// Queries of a run that works
    #[value(name = "W9")]
    Queries,
    /// One run and many children
    #[value(name = "W10")]
    Children,
    /// A step that writes to a stream, and who reads along
    #[value(name = "W11")]
    Streams,
}
