//! The unit of everything: one event in, what the workflow asked for, how the run then stands.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Command, Event, Op, Timestamp, grows};

/// One turn of a run: one journal record, one commit, one unit of replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its position in the run, from 0. Turns are replayed in this order and in no other.
    pub seq: u64,
    /// How many operations the run had begun before it: the number that the first one which it begins
    /// has.
    pub first_op: Op,
    /// When the event was delivered: the time that the workflow saw.
    pub at: Timestamp,
    /// What was delivered.
    pub event: Event,
    /// What the workflow asked for, in order.
    pub commands: Vec<Command>,
    /// How the run stood at the end.
    pub verdict: Verdict,
    /// What the workflow wrote to the log or printed. Not compared on replay.
    pub log: Vec<LogLine>,
}

grows!(Turn { seq, first_op, at, event, commands, verdict, log });

impl Turn {
    /// The operations that the turn begins, in order, with their numbers.
    pub fn operations(&self) -> impl Iterator<Item = (Op, &Command)> {
        let begun = self.commands.iter().filter(|command| command.starts_operation());
        // A damaged record may say any number.
        begun.zip(0..).map(|(command, index)| (Op(self.first_op.0.saturating_add(index)), command))
    }

    /// The number of the first operation that is begun after it.
    #[must_use]
    pub fn next_op(&self) -> Op {
        let begun = self.commands.iter().filter(|command| command.starts_operation()).count();
        let unused =
            if let Event::Retried { retrial } = &self.event { retrial.operations } else { 0 };
        Op(self.first_op.0.saturating_add(begun as u64).saturating_add(unused))
    }

    /// The steps that are over with it: the one whose end it delivers, and those that it gives up. Each once,
    /// however often the workflow says so.
    #[must_use]
    pub fn steps_over(&self) -> BTreeSet<Op> {
        let given_up = self.commands.iter().filter_map(Command::given_up_step);
        self.event.ended_step().into_iter().chain(given_up).collect()
    }

    /// Whether the workflow ends with it and begins to undo what it did, so that what it waited for is given up.
    #[must_use]
    pub fn unwinds(&self) -> bool {
        self.commands.iter().any(|command| matches!(command, Command::Unwind { .. }))
    }

    /// How much room the turn takes, in bytes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let commands: usize = self.commands.iter().map(Command::size).sum();
        let log: usize = self.log.iter().map(|line| line.message.len()).sum();
        size_of::<Self>() + self.event.size() + commands + self.verdict.size() + log
    }
}

/// How a run stands at the end of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The workflow waits for at least one operation.
    Waiting,
    /// The workflow returned this JSON output.
    Completed(String),
    /// The workflow returned an error.
    Failed(String),
    /// The run was cancelled.
    Cancelled,
    /// The workflow returned an error, of which it is known what it is or where it arose.
    FailedAt(Failure),
}

/// The error of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it says, with its causes.
    pub message: String,
    /// The name of its type.
    pub kind: Option<String>,
    /// Where in the source of the workflow it arose: a file, a line and a column.
    pub place: Option<String>,
}

grows!(Failure { message, kind, place });

impl Event {
    /// How the run stands after it, where its workflow does not see it: it is ended from outside.
    #[must_use]
    pub fn ends(&self) -> Option<Verdict> {
        match self {
            Self::Cancelled => Some(Verdict::Cancelled),
            Self::Expired { error } => Some(Verdict::Failed(error.clone())),
            Self::Started { .. }
            | Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Requested { .. }
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::HookReceived { .. }
            | Self::Signalled { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
        }
    }
}

impl Verdict {
    fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Completed(text) | Self::Failed(text) => text.len(),
            Self::FailedAt(Failure { message, kind, place }) => {
                message.len() + length(kind) + length(place)
            }
            Self::Waiting | Self::Cancelled => 0,
        }
    }

    /// What the error of the workflow says, its type and its place, if it returned one.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, Option<&str>, Option<&str>)> {
        match self {
            Self::Failed(message) => Some((message, None, None)),
            Self::FailedAt(Failure { message, kind, place }) => {
                Some((message, kind.as_deref(), place.as_deref()))
            }
            Self::Waiting | Self::Completed(_) | Self::Cancelled => None,
        }
    }

    /// The error of the workflow, if it returned one.
    #[must_use]
    pub fn into_failure(self) -> Option<Failure> {
        match self {
            Self::Failed(message) => Some(Failure { message, kind: None, place: None }),
            Self::FailedAt(failure) => Some(failure),
            Self::Waiting | Self::Completed(_) | Self::Cancelled => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::Completed(output) => write!(f, "completed with {output}"),
            Self::Failed(error) | Self::FailedAt(Failure { message: error, .. }) => {
                write!(f, "failed: {error}")
            }
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

grows!(LogLine { level, message });

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the author of the workflow.
    Debug,
    /// Worth knowing. What a workflow prints is of this level.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed. What a workflow prints to standard error is of this level.
    Error,
}

/// Why a run is blocked: its state is whole, but it cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Which kind of trouble.
    pub kind: BlockKind,
    /// What happened, where, and what to do, as a sentence.
    pub message: String,
}

grows!(Blocked { kind, message });

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// The kinds of trouble that park a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockKind {
    /// The workflow panicked, trapped, or broke the rules of its interface.
    Trap,
    /// A replay gave other commands than those that are recorded.
    Divergence,
    /// The workflow asked for more than it may have.
    Limit,
    /// Its module could not be loaded.
    Module,
    /// Its journal could not be read.
    Journal,
    /// The host went down again and again while one of its steps ran.
    Lost,
    /// Whoever runs the host wished it to be left out.
    Parked,
}

impl BlockKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::Trap,
        Self::Divergence,
        Self::Limit,
        Self::Module,
        Self::Journal,
        Self::Lost,
        Self::Parked,
    ];
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trap => "trap",
            Self::Divergence => "divergence",
            Self::Limit => "limit",
            Self::Module => "module",
            Self::Journal => "journal",
            Self::Lost => "lost",
            Self::Parked => "parked",
        })
    }
}
