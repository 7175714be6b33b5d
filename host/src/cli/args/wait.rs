//! Whether to wait for the end of a run, and how long.

use std::time::Duration;

use clap::Args;

use crate::doors::parse_duration;

/// Whether to wait for the end of a run.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct WaitArgs {
    /// Wait until the run has ended or is blocked, at most so long: a number of seconds, or numbers
    /// with ms, s, m or h
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = parse_duration)]
    #[expect(
        clippy::option_option,
        reason = "absent, without a bound, and with a bound are three things"
    )]
    wait: Option<Option<Duration>>,
}

impl WaitArgs {
    /// How long to wait: nothing where nobody asked to, else at most so long, or for ever.
    pub(in crate::cli) fn bound(self) -> Option<Duration> {
        self.wait.map(|bound| bound.unwrap_or(Duration::MAX))
    }
}
