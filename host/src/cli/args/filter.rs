//! Which runs are meant, where they are not named.

use clap::{Args, ValueEnum};
use segno_api::RunStatus;

/// Which runs are meant.
#[derive(Debug, Args)]
pub(in crate::cli) struct FilterArgs {
    /// Only runs of this workflow
    #[arg(long)]
    pub(in crate::cli) workflow: Option<String>,

    /// Only runs that stand in one of these ways, with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(in crate::cli) status: Vec<StatusArg>,

    /// Only runs that have this attribute; may be given several times, and all have to fit
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(in crate::cli) attributes: Vec<String>,

    /// Only runs that were started at this moment or later, such as 2026-11-30T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub(in crate::cli) started_after: Option<jiff::Timestamp>,

    /// Only runs that were started before this moment
    #[arg(long, value_name = "MOMENT")]
    pub(in crate::cli) started_before: Option<jiff::Timestamp>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum StatusArg {
    Running,
    Blocked,
    Completed,
    Failed,
    Cancelled,
    Pending,
    Paused,
}

impl From<StatusArg> for RunStatus {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Running => Self::Running,
            StatusArg::Blocked => Self::Blocked,
            StatusArg::Completed => Self::Completed,
            StatusArg::Failed => Self::Failed,
            StatusArg::Cancelled => Self::Cancelled,
            StatusArg::Pending => Self::Pending,
            StatusArg::Paused => Self::Paused,
        }
    }
}
