//! How a command ends, as scripts see it.

use std::io;
use std::process::ExitCode;

use crate::cli::client::ClientError;
use crate::cli::output::{self, Output};

/// What the exit codes mean. The help shows this text.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the operation failed
  2  the command line cannot be used
  3  the host cannot be reached
  4  with --wait: the run failed, was cancelled or is blocked; resume: it is blocked again
  5  with --wait: the time was up before the run ended";

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
    /// The run that was waited for failed, was cancelled or is blocked.
    Unsuccessful = 4,
    /// The run that was waited for has not ended in time.
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

/// Tells the user why a command failed, and says how it ended. A program gets the host's problem
/// details where it expects the host's answer.
pub(super) fn tell(error: &anyhow::Error, output: Output) -> Exit {
    // Who closed the pipe has read enough, and nobody is left to be told.
    if error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    {
        return Exit::Done;
    }
    if let (true, Some(ClientError::Refused(problem) | ClientError::Unauthorized(problem))) =
        (output.is_json(), error.downcast_ref())
    {
        let json =
            serde_json::to_string(problem).expect("a struct of strings and a number is JSON");
        // Where it cannot be printed, it is still said below.
        let _ = output::line(&json);
    }
    output::note(&format!("error: {error:#}"));
    of(error)
}

fn of(error: &anyhow::Error) -> Exit {
    if error.is::<UsageError>() {
        return Exit::Usage;
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable { .. }) => Exit::Unreachable,
        Some(
            ClientError::Refused(_) | ClientError::Unauthorized(_) | ClientError::Strange { .. },
        )
        | None => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_keeps_its_exit_code_through_its_context() {
        let usage = Err::<(), _>(UsageError("--input is not JSON".into()))
            .context("cannot start")
            .unwrap_err();
        assert_eq!(of(&usage), Exit::Usage);
        assert_eq!(of(&anyhow::anyhow!("anything else")), Exit::Failed);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(tell(&closed, Output::new(true)), Exit::Done);
    }

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
