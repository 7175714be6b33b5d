//! Backups, and stores that no host has, on the command line.

use std::path::PathBuf;

use clap::Args;
use segno_journal::RunId;

use crate::cli::args::HostArgs;

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    pub(in crate::cli) data: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CompactArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    pub(in crate::cli) data: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The ID of the run
    pub(in crate::cli) run: RunId,

    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: PathBuf,
}
