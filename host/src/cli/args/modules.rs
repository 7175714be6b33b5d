//! Modules and their workflows: deploying them, and what there is.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::HostArgs;

#[derive(Debug, Args)]
pub(in crate::cli) struct DeployArgs {
    /// The components, as `build` makes them
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,

    /// Deploy components that want steps which the host lacks, too: their workflows cannot be started
    /// until a host has them
    #[arg(long)]
    pub(in crate::cli) allow_missing_steps: bool,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ModulesArgs {
    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WorkflowArgs {
    /// The name of the workflow
    pub(in crate::cli) name: String,

    #[command(flatten)]
    pub(in crate::cli) host: HostArgs,
}
