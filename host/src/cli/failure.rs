//! What is said of a command that failed, and how it ends.

use std::io;

use crate::cli::client::ClientError;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::{self, Output};

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
    output::complain(&format!("{error:#}"));
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
}
