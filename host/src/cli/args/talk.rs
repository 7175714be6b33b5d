//! Talking to a run: what is sent to it, and to whom.

use std::path::PathBuf;

use clap::Args;
use segno_journal::RunId;

use crate::cli::args::{HostArgs, RunIds, WaitArgs};

#[derive(Debug, Args)]
pub(in crate::cli) struct SignalArgs {
    /// The ID of the run
    pub(in crate::cli) id: RunId,

    /// The name of the signal
    pub(in crate::cli) name: String,

    /// What is sent, as JSON; - is standard input [default: null]
    #[arg(value_name = "JSON")]
    pub(in crate::cli) payload: Option<String>,

    /// A signal with the same key comes once, and gets the same answer
    #[arg(long)]
    pub(in crate::cli) key: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) wait: WaitArgs,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BatchArgs {
    /// A file with the starts and signals, as the API takes them; - is standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,

    /// A batch with the same key is stored once
    #[arg(long)]
    pub(in crate::cli) key: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct QueryArgs {
    /// The ID of the run
    pub(in crate::cli) id: RunId,

    /// The name of the query
    pub(in crate::cli) name: String,

    /// What is asked, as JSON; - is standard input [default: null]
    #[arg(value_name = "JSON")]
    pub(in crate::cli) input: Option<String>,

    /// As the run was after this turn
    #[arg(long, value_name = "TURN")]
    pub(in crate::cli) at: Option<u64>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StreamArgs {
    /// The ID of the run
    pub(in crate::cli) id: RunId,

    /// The name of the stream [default: lists those that there are]
    pub(in crate::cli) name: Option<String>,

    /// The index of the first chunk; below zero it counts from the end
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(in crate::cli) from: i64,

    /// Go on with what is written, until the stream is closed or the run has ended
    #[arg(long, short, requires = "name")]
    pub(in crate::cli) follow: bool,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WakeArgs {
    /// The IDs of the runs; - is standard input, with one at the beginning of each line
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) ids: Vec<RunIds>,

    /// Only the sleep of this number, as `run` shows it
    #[arg(long, value_name = "N")]
    pub(in crate::cli) op: Option<u64>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HooksArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,

    /// Where the page before ended, as it said
    #[arg(long, value_name = "TOKEN")]
    pub(in crate::cli) cursor: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HookArgs {
    /// The token of the hook
    #[arg(value_name = "TOKEN")]
    pub(in crate::cli) hook: String,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeHookArgs {
    /// The token of the hook
    #[arg(value_name = "TOKEN")]
    pub(in crate::cli) hook: String,

    /// What is sent, as JSON; - is standard input [default: null]
    #[arg(value_name = "JSON")]
    pub(in crate::cli) payload: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}
