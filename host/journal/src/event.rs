//! What can happen to a run.

use serde::{Deserialize, Serialize};

use crate::{ChildEnd, Fork, NotTold, Op, Request, Retrial, grows};

/// One thing that happened, as it is delivered to a run and recorded in its turn.
///
/// The order of the variants is the disk format: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The run was started with this JSON input.
    Started {
        /// What the workflow is given.
        input: String,
    },
    /// A step returned.
    StepCompleted {
        /// Which step.
        op: Op,
        /// What it returned, as JSON.
        output: String,
    },
    /// A step failed for good.
    StepFailed {
        /// Which step.
        op: Op,
        /// Why.
        failure: StepFailure,
    },
    /// A sleep is over.
    Slept {
        /// Which sleep.
        op: Op,
    },
    /// A webhook was called.
    Requested {
        /// Which webhook.
        op: Op,
        /// The call.
        request: Request,
    },
    /// Somebody cancelled the run. The workflow does not see it.
    Cancelled,
    /// A hook has the token that its workflow chose, and can be called.
    HookOpened {
        /// Which hook.
        op: Op,
    },
    /// A hook has not got the token that its workflow chose, because another one has it. It is over.
    HookTaken {
        /// Which hook.
        op: Op,
        /// The run whose hook has the token.
        owner: String,
    },
    /// Somebody called a hook.
    HookReceived {
        /// Which hook.
        op: Op,
        /// What was sent, as JSON.
        payload: String,
    },
    /// Somebody sent a signal to the run.
    Signalled {
        /// The signal.
        signal: Signal,
    },
    /// Somebody ended a sleep before its time. To the workflow it is over.
    Woken {
        /// Which sleep.
        op: Op,
        /// Who, where that is known.
        by: Option<String>,
    },
    /// A child has ended.
    ChildEnded {
        /// Which child.
        op: Op,
        /// How.
        end: ChildEnd,
    },
    /// A signal to another run is on its disk.
    Told {
        /// Which signal.
        op: Op,
    },
    /// A signal to another run was not taken.
    NotTold {
        /// Which signal.
        op: Op,
        /// Why not.
        why: NotTold,
    },
    /// The run is to end, because somebody cancelled it or its time is over, and its workflow cleans up first.
    Cancelling {
        /// Who, where that is known.
        by: Option<String>,
        /// With what it fails once its workflow has cleaned up, where its time is over; else it is cancelled.
        error: Option<String>,
        /// How long it may take to clean up, in milliseconds.
        within_ms: u64,
    },
    /// The time of the run is over, or that to clean up: it has failed with this. The workflow does not see it.
    Expired {
        /// The error.
        error: String,
    },
    /// The run had failed, and is tried again. The workflow does not see it: it stands as it stood before the
    /// turns that were set aside.
    Retried {
        /// How.
        retrial: Retrial,
    },
    /// The run is a fork: the turns before this one are copies of those of another run. The workflow does not see it,
    /// and is another run from here on.
    Forked {
        /// Of which run, and how.
        fork: Fork,
    },
}

impl Event {
    /// The operation that the event belongs to, if it belongs to one.
    #[must_use]
    pub const fn op(&self) -> Option<Op> {
        match self {
            Self::Started { .. }
            | Self::Cancelled
            | Self::Signalled { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
            Self::StepCompleted { op, .. }
            | Self::StepFailed { op, .. }
            | Self::Slept { op }
            | Self::Requested { op, .. }
            | Self::HookOpened { op }
            | Self::HookTaken { op, .. }
            | Self::HookReceived { op, .. }
            | Self::Woken { op, .. }
            | Self::ChildEnded { op, .. }
            | Self::Told { op }
            | Self::NotTold { op, .. } => Some(*op),
        }
    }

    /// The step that is over with it, if it is the end of one.
    #[must_use]
    pub const fn ended_step(&self) -> Option<Op> {
        match self {
            Self::StepCompleted { op, .. } | Self::StepFailed { op, .. } => Some(*op),
            Self::Started { .. }
            | Self::Slept { .. }
            | Self::Requested { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::HookReceived { .. }
            | Self::Signalled { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
        }
    }

    /// The number by which the workflow can answer it, if that can be answered: that of a request or of a
    /// signal.
    #[must_use]
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Requested { request: Request { number, .. }, .. }
            | Self::Signalled { signal: Signal { number, .. } } => Some(*number),
            Self::Started { .. }
            | Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::HookReceived { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
        }
    }

    /// The same event with this number, if it has one.
    #[must_use]
    pub fn numbered(mut self, next: u64) -> Self {
        match &mut self {
            Self::Requested { request: Request { number, .. }, .. }
            | Self::Signalled { signal: Signal { number, .. } } => *number = next,
            Self::Started { .. }
            | Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::HookReceived { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => {}
        }
        self
    }

    /// How many bytes lie untaken until the workflow takes what it brings; nothing where it brings nothing
    /// into an inbox. There may be many of one inbox; of all else there is one.
    #[must_use]
    pub fn untaken(&self) -> Option<usize> {
        match self {
            Self::Requested { request, .. } => Some(request.size()),
            Self::HookReceived { payload, .. } => Some(size_of::<Signal>() + payload.len()),
            Self::Signalled { signal } => Some(signal.size()),
            Self::Started { .. }
            | Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
        }
    }

    /// What the run was given, as JSON, if it begins with this.
    #[must_use]
    pub fn into_input(self) -> Option<String> {
        match self {
            Self::Started { input } => Some(input),
            Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Requested { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::HookReceived { .. }
            | Self::Signalled { .. }
            | Self::Woken { .. }
            | Self::ChildEnded { .. }
            | Self::Told { .. }
            | Self::NotTold { .. }
            | Self::Cancelling { .. }
            | Self::Expired { .. }
            | Self::Retried { .. }
            | Self::Forked { .. } => None,
        }
    }

    /// How many bytes of payload the event carries.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Started { input } => input.len(),
            Self::StepCompleted { output, .. } => output.len(),
            Self::StepFailed { failure, .. } => failure.message.len(),
            Self::Requested { request, .. } => request.size(),
            Self::HookReceived { payload, .. } => payload.len(),
            Self::Signalled { signal } => signal.size(),
            Self::ChildEnded { end, .. } => end.size(),
            Self::Slept { .. }
            | Self::Cancelled
            | Self::HookOpened { .. }
            | Self::HookTaken { .. }
            | Self::Woken { .. }
            | Self::Told { .. }
            | Self::NotTold { .. } => 0,
            Self::Cancelling { error, .. } => error.as_ref().map_or(0, String::len),
            Self::Expired { error } => error.len(),
            Self::Retried { retrial } => retrial.size(),
            Self::Forked { fork } => fork.size(),
        }
    }
}

/// Why a step has failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// The name of the step.
    pub step: String,
    /// How many attempts were made, those that a crash cut off included.
    pub attempts: u32,
    /// The last error, with its causes.
    pub message: String,
    /// True if the step said that no further attempt can help.
    pub fatal: bool,
}

grows!(StepFailure { step, attempts, message, fatal });

/// What somebody sent to a run under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its number in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// The name.
    pub name: String,
    /// What was sent, as JSON.
    pub payload: String,
    /// By what it is known when it is sent again, if it is to be known.
    pub key: Option<String>,
}

grows!(Signal { number, name, payload, key });

impl Signal {
    /// How much room the signal takes while it waits to be taken, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        Self::size_of(&self.name, &self.payload, self.key.as_deref())
    }

    /// How much one of these parts takes.
    #[must_use]
    pub fn size_of(name: &str, payload: &str, key: Option<&str>) -> usize {
        size_of::<Self>() + name.len() + payload.len() + key.map_or(0, str::len)
    }
}
