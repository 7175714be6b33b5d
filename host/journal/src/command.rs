//! What a workflow can ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AttributeValue, ClosePolicy, Op, Response, RunId, Timestamp, grows};

/// One thing that a workflow asked for in a turn.
///
/// Some start an operation, as [`Command::starts_operation`] says; its number follows from the position
/// of the command in the run. The order of the variants is the disk format: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Run a step.
    Step {
        /// Its name.
        name: String,
        /// Its input, as JSON.
        input: String,
        /// What this call wants different from what the step declares.
        options: StepOptions,
    },
    /// Wake the run at a moment.
    Sleep {
        /// The moment.
        until: Timestamp,
    },
    /// Open a webhook.
    Webhook {
        /// The secret part of its URL. Drawn by the host when the turn ran live, recorded since.
        token: String,
        /// Its whole URL. Recorded, so that another public address does not change what the
        /// workflow was told.
        url: String,
        /// How its callers are answered.
        answer: Answer,
    },
    /// Take the oldest of what lies untaken in an inbox.
    Take {
        /// Which webhook, hook or signal.
        inbox: Op,
    },
    /// Answer the caller of a request or of a signal.
    Respond {
        /// The number of the request or the signal.
        request: u64,
        /// The answer.
        response: Response,
    },
    /// Close an inbox.
    Dispose {
        /// Which webhook, hook or signal.
        inbox: Op,
    },
    /// Give up a sleep.
    CancelSleep {
        /// Which sleep.
        sleep: Op,
    },
    /// Open a hook.
    Hook {
        /// What it is called by: unique among the hooks that are open.
        token: String,
        /// Whether the workflow chose the token. It may be in use then, so an event says whether the
        /// hook is open. Else it was drawn by the host when the turn ran live, and is recorded since.
        chosen: bool,
        /// What the workflow says of it to those who look it up, as JSON.
        metadata: Option<String>,
    },
    /// Take in the signals of a name.
    Signal {
        /// The name.
        name: String,
    },
    /// Give up a step.
    CancelStep {
        /// Which step.
        step: Op,
    },
    /// Show a value to those who ask, in place of the one that was shown before.
    Publish {
        /// Under which name.
        name: String,
        /// The value, as JSON.
        value: String,
    },
    /// Start a run that belongs to this one.
    Child {
        /// Its name, which follows from this run and the operation.
        run: RunId,
        /// The name of its workflow.
        workflow: String,
        /// Its input, as JSON.
        input: String,
        /// What becomes of it when this run ends first.
        policy: ClosePolicy,
    },
    /// Cancel a child.
    CancelChild {
        /// Which child.
        child: Op,
    },
    /// Send a signal to a run of the same family.
    Tell {
        /// To which.
        to: RunId,
        /// The name of the signal.
        name: String,
        /// What is sent, as JSON.
        payload: String,
    },
    /// Add a chunk to the end of a stream.
    Write {
        /// The name of the stream.
        stream: String,
        /// The chunk.
        chunk: Vec<u8>,
    },
    /// Close a stream: what is written to it later is dropped.
    CloseStream {
        /// The name of the stream.
        stream: String,
    },
    /// Register a compensation: what undoes something, should the workflow fail or be cancelled.
    Compensation {
        /// Its name, for people.
        name: String,
    },
    /// Take a compensation back: what it would undo is to stay.
    Keep {
        /// Which compensation.
        compensation: Op,
    },
    /// Give up all that the workflow waits for: it has ended, and its compensations run from now on.
    Unwind {
        /// The error that it returned, if it was not cancelled.
        error: Option<String>,
    },
    /// Begin a compensation.
    Undo {
        /// Which one.
        compensation: Op,
    },
    /// A compensation is over.
    Undone {
        /// Which one.
        compensation: Op,
        /// Why it could not do what it was to do, if it could not.
        error: Option<String>,
    },
    /// Begin what must not be stopped amid.
    Shield,
    /// That is over.
    Unshield {
        /// Which shield.
        shield: Op,
    },
    /// Give the run an attribute, in place of the value that it had before.
    SetAttribute {
        /// Its name.
        name: String,
        /// Its value.
        value: AttributeValue,
    },
    /// Take an attribute from the run.
    RemoveAttribute {
        /// Its name.
        name: String,
    },
}

impl Command {
    /// True if the command starts an operation, and so takes the next operation number.
    #[must_use]
    pub const fn starts_operation(&self) -> bool {
        match self {
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::Child { .. }
            | Self::Tell { .. }
            | Self::Compensation { .. }
            | Self::Shield => true,
            Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::CancelChild { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Unshield { .. } => false,
        }
    }

    /// True if both commands are the same operation on replay: all agrees but what the host put
    /// in (a token that it drew, and a URL) and what is not part of the identity (the options).
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Step { name, input, options: _ },
                Self::Step { name: other_name, input: other_input, options: _ },
            ) => name == other_name && input == other_input,
            (Self::Webhook { answer, .. }, Self::Webhook { answer: other, .. }) => answer == other,
            (
                Self::Hook { token: _, chosen: false, metadata },
                Self::Hook { token: _, chosen: false, metadata: other },
            ) => metadata == other,
            (one, other) => one == other,
        }
    }
}

/// What one call of a step wants different from what the step itself declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// How many times a failed attempt is tried again.
    pub max_retries: Option<u32>,
    /// How long after its first failure the step is tried again, in milliseconds: as often as that takes
    /// where `max_retries` does not say.
    pub retry_for_ms: Option<u64>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: Option<u64>,
}

grows!(StepOptions { max_retries, retry_for_ms, timeout_ms });

/// How the callers of a webhook are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// With 202 and an empty body.
    Accepted,
    /// With this response, every time.
    Fixed(Response),
    /// By the workflow or one of its steps.
    Manual,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("with 202"),
            Self::Fixed(response) => write!(f, "with a fixed {}", response.status),
            Self::Manual => f.write_str("by the workflow"),
        }
    }
}
