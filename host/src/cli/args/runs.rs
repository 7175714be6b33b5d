//! Runs: which of them, and what is shown or done.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use segno_api::IfRunning;
use segno_journal::RunId;

use crate::cli::args::{FilterArgs, HostArgs, WaitArgs};

#[derive(Debug, Args)]
pub(in crate::cli) struct RunsArgs {
    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,

    /// Say how many there are, and do not list them
    #[arg(long, conflicts_with_all = ["trouble", "limit", "cursor"])]
    pub(in crate::cli) count: bool,

    /// Only runs that are blocked, fail again and again, or wait for a step that the host lacks
    #[arg(long)]
    pub(in crate::cli) trouble: bool,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,

    /// Where the page before ended, as it said
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) cursor: Option<RunId>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

/// What comes of a start where a run of its key goes on.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum IfRunningArg {
    /// That run is the answer
    Use,
    /// Nothing is started
    Refuse,
    /// That run is cancelled first
    Cancel,
}

impl From<IfRunningArg> for IfRunning {
    fn from(if_running: IfRunningArg) -> Self {
        match if_running {
            IfRunningArg::Use => Self::Use,
            IfRunningArg::Refuse => Self::Refuse,
            IfRunningArg::Cancel => Self::Cancel,
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// The ID of the run
    pub(in crate::cli) id: RunId,

    #[command(flatten)]
    pub(in crate::cli) wait: WaitArgs,

    /// Show inputs, outputs and messages whole, and all that the run waits for
    #[arg(long)]
    pub(in crate::cli) full: bool,

    /// Only the last entries of the history
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) tail: Option<u16>,

    /// Tell what was set aside when the run was tried again, by the number that its history says
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "tail"])]
    pub(in crate::cli) set_aside: Option<u32>,

    /// Go on to tell what happens until the run has ended
    #[arg(long, conflicts_with = "wait")]
    pub(in crate::cli) follow: bool,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

/// The ID of a run, or `-` for those on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum RunIds {
    One(RunId),
    StandardInput,
}

impl FromStr for RunIds {
    type Err = <RunId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" { Ok(Self::StandardInput) } else { text.parse().map(Self::One) }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunsOfHostArgs {
    /// The IDs of the runs; - is standard input, with one at the beginning of each line
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) ids: Vec<RunIds>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunAgainArgs {
    /// The IDs of the runs; - is standard input, with one at the beginning of each line
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) ids: Vec<RunIds>,

    /// The same key gives the same new run; for one old run only
    #[arg(long)]
    pub(in crate::cli) key: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HealthArgs {
    /// Only whether the host takes work, as a health check of a container asks; needs no token
    #[arg(long)]
    pub(in crate::cli) live: bool,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}
