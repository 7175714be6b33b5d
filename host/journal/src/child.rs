//! Children, and what a run tells others of its family.
//!
//! A child is a run that another one started. It is on disk since the turn that asked for it, so there is
//! nothing to repeat; that it has ended stands in its own record, so it can be told as often as it takes.

use serde::{Deserialize, Serialize};

use crate::{Op, RunId, Timestamp, grows};

/// What becomes of a child when its parent ends first. The order of the variants is the disk format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosePolicy {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It goes on.
    Leave,
}

/// How a child has ended. The order of the variants is the disk format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildEnd {
    /// It returned this JSON.
    Completed(String),
    /// It failed with this error.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

impl ChildEnd {
    /// How many bytes of payload it carries.
    pub(crate) const fn size(&self) -> usize {
        match self {
            Self::Completed(text) | Self::Failed(text) => text.len(),
            Self::Cancelled => 0,
        }
    }
}

/// Why a signal was not taken by the run that it was sent to. The order of the variants is the disk format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotTold {
    /// The run has ended, or never was.
    Ended,
    /// Too much lies there that its workflow has not taken.
    Full,
    /// It is of another family.
    Stranger,
    /// It takes nothing until somebody lets it go on: it was left out, or cannot be read.
    LeftOut,
}

/// A child that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// As which operation of its parent.
    pub op: Op,
    /// Its name.
    pub run: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// Its input, as JSON.
    pub input: String,
    /// What becomes of it when its parent ends first.
    pub policy: ClosePolicy,
}

/// A signal that is to be sent to another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// As which operation of the one who sends it.
    pub op: Op,
    /// To which run.
    pub to: RunId,
    /// Its name.
    pub name: String,
    /// What is sent, as JSON.
    pub payload: String,
}

/// Whose child a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The run that started it.
    pub run: RunId,
    /// As which operation.
    pub op: Op,
    /// The run that nobody started of which it descends: what its family is known by.
    pub root: RunId,
    /// What becomes of it when its parent ends first.
    pub policy: ClosePolicy,
}

grows!(Parent { run, op, root, policy });

/// A child that has not ended, as far as its parent knows.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenChild {
    /// When it was asked for.
    pub since: Timestamp,
    /// Its name.
    pub run: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// What becomes of it when its parent ends first.
    pub policy: ClosePolicy,
    /// Whether its parent wants it cancelled.
    pub cancelled: bool,
}

grows!(OpenChild { since, run, workflow, policy, cancelled });

impl OpenChild {
    /// A child that was asked for at this moment.
    pub(crate) fn new(since: Timestamp, spawn: &Spawn) -> Self {
        let Spawn { op: _, run, workflow, input: _, policy } = spawn;
        let (workflow, policy) = (workflow.clone(), *policy);
        Self { since, run: *run, workflow, policy, cancelled: false }
    }
}

/// A signal on its way to another run.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTell {
    /// When it was sent.
    pub since: Timestamp,
    /// To which run.
    pub to: RunId,
    /// Its name.
    pub name: String,
    /// What is sent, as JSON.
    pub payload: String,
}

grows!(OpenTell { since, to, name, payload });

impl OpenTell {
    /// A signal that was sent at this moment.
    pub(crate) fn new(since: Timestamp, tell: &Tell) -> Self {
        let Tell { op: _, to, name, payload } = tell;
        Self { since, to: *to, name: name.clone(), payload: payload.clone() }
    }

    /// What is to be sent, as this operation.
    #[must_use]
    pub fn tell(&self, op: Op) -> Tell {
        let Self { since: _, to, name, payload } = self;
        Tell { op, to: *to, name: name.clone(), payload: payload.clone() }
    }
}
