//! How a command ends, as scripts see it.

use std::process::ExitCode;

/// What the exit codes mean. The help shows this text.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the operation failed
  2  the command line cannot be used
  3  the host cannot be reached
  4  with --wait: the run failed, was cancelled or is blocked, or a run refused the job; resume: it is blocked again
  5  with --wait: the time was up before the run ended, or answered";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It is not done.
    Failed = 1,
    /// What was asked for cannot be understood.
    Usage = 2,
    /// The host cannot be reached.
    Unreachable = 3,
    /// The run that was waited for failed, was cancelled or is blocked; or not all is done that a job was to do.
    Unsuccessful = 4,
    /// The run that was waited for has not ended, or not answered, in time.
    TimedOut = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the user wrote cannot be used, although its form was right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_exit_code() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Unreachable,
            Exit::Unsuccessful,
            Exit::TimedOut,
        ];
        for exit in all {
            assert!(EXIT_CODES.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
    }
}
