//! Workflow crates: making them, building them, and running a host that is developed with them.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::ListenArgs;

/// Which workflow crates to build.
#[derive(Debug, Args)]
pub(in crate::cli) struct CrateArgs {
    /// The Cargo.toml of the workspace [default: that of this directory]
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) manifest_path: Option<PathBuf>,

    /// Only this package; may be given more than once [default: all that depend on segno and build a
    /// cdylib]
    #[arg(long = "package", short, value_name = "NAME")]
    pub(in crate::cli) packages: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DevArgs {
    #[command(flatten)]
    pub(in crate::cli) crates: CrateArgs,

    /// The data directory [default: segno-dev in the target directory]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) listen: ListenArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewArgs {
    /// Where it is made; the last part is its name
    #[arg(value_name = "NAME")]
    pub(in crate::cli) path: PathBuf,

    /// A clone of Segno's repository that it is built with [default: the published crates]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) from_clone: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArgs {
    #[command(flatten)]
    pub(in crate::cli) crates: CrateArgs,
}
