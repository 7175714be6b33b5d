//! What is done to runs: to those that are named, or to all that a filter means.

use std::time::Duration;

use clap::Args;
use segno_journal::{JobId, RunId};
use serde_json::value::RawValue;

use crate::cli::args::{FilterArgs, HostArgs, RunIds};
use crate::doors::parse_duration;

/// The runs to which something is done: those that are named, or all that a filter means.
#[derive(Debug, Args)]
pub(in crate::cli) struct ManyArgs {
    /// The IDs of the runs; - is standard input, with one at the beginning of each line
    #[arg(value_name = "RUN")]
    pub(in crate::cli) ids: Vec<RunIds>,

    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,

    /// All runs are meant
    #[arg(long, conflicts_with_all = ["ids", "workflow", "status", "attributes", "started_after", "started_before"])]
    pub(in crate::cli) all: bool,

    /// Say how many runs the filter means, and do nothing
    #[arg(long, conflicts_with = "ids")]
    pub(in crate::cli) dry_run: bool,

    /// Wait until the job of the filter has ended
    #[arg(long, conflicts_with_all = ["ids", "dry_run"])]
    pub(in crate::cli) wait: bool,
}

/// Of a command that takes no more than the runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct SteerArgs {
    #[command(flatten)]
    pub(in crate::cli) many: ManyArgs,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CancelArgs {
    #[command(flatten)]
    pub(in crate::cli) many: ManyArgs,

    /// End them at once: nothing that they registered is undone
    #[arg(long)]
    pub(in crate::cli) kill: bool,

    /// How long each may take to undo what it registered, before it ends as failed [default: 1h]
    #[arg(long, value_name = "TIME", conflicts_with = "kill", value_parser = parse_duration)]
    pub(in crate::cli) within: Option<Duration>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RetryArgs {
    #[command(flatten)]
    pub(in crate::cli) many: ManyArgs,

    /// The turn to go back to, of runs that are named [default: the one that delivered the failure]
    #[arg(long, value_name = "N", requires = "ids")]
    pub(in crate::cli) turn: Option<u64>,

    /// The module to go on with: its digest, or a beginning of it that no other has [default: the run's own]
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) module: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeArgs {
    #[command(flatten)]
    pub(in crate::cli) many: ManyArgs,

    /// The module to go on with: its digest, or a beginning of it that no other has [default: the run's own]
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) module: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ForkArgs {
    /// The ID of the run
    #[arg(value_name = "RUN")]
    pub(in crate::cli) id: RunId,

    /// The turn before which the new run leaves the old one [default: the one that delivered its failure, or its last
    /// one, or as it stands]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) turn: Option<u64>,

    /// The module to go on with: its digest, or a beginning of it that no other has [default: the run's own]
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) module: Option<String>,

    /// Another input for a step that is open then: its operation, and JSON
    #[arg(long = "input", value_name = "OP=JSON", value_parser = step_input)]
    pub(in crate::cli) inputs: Vec<(u64, String)>,

    /// The same key gives the same new run
    #[arg(long)]
    pub(in crate::cli) key: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

/// The operation of a step, and its input.
fn step_input(text: &str) -> Result<(u64, String), String> {
    let (op, input) = text.split_once('=').ok_or("it is OP=JSON, as in 3={\"amount\":5}")?;
    let op = op.trim_start_matches('#');
    let op = op.parse().map_err(|_| format!("`{op}` is not the number of an operation"))?;
    let input: &RawValue =
        serde_json::from_str(input).map_err(|error| format!("the input is not JSON: {error}"))?;
    Ok((op, input.get().to_owned()))
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MoveArgs {
    #[command(flatten)]
    pub(in crate::cli) many: ManyArgs,

    /// The module to move them to: its digest, or a beginning of it that no other has
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) to: String,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct JobsArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,

    /// Where the page before ended, as it said
    #[arg(long, value_name = "JOB")]
    pub(in crate::cli) cursor: Option<JobId>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// The ID of the job
    pub(in crate::cli) id: JobId,

    /// Wait until it has ended
    #[arg(long)]
    pub(in crate::cli) wait: bool,

    /// List the runs that did not take it, and why
    #[arg(long, conflicts_with = "wait")]
    pub(in crate::cli) refused: bool,

    /// Of those, where the page before ended, as it said
    #[arg(long, value_name = "RUN", requires = "refused")]
    pub(in crate::cli) cursor: Option<RunId>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StopJobArgs {
    /// The ID of the job
    pub(in crate::cli) id: JobId,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}
