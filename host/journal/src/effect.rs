//! What the world owes a run.

use std::sync::Arc;

use crate::{Claim, ClosePolicy, Op, Response, RunId, Spawn, StepCall, Tell, Timestamp};

/// What the world owes a run after a turn: it may happen only when the turn is on disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start the first attempt of a step.
    Start {
        /// The operation.
        op: Op,
        /// What to run.
        call: Arc<StepCall>,
    },
    /// Wake the run at a moment.
    Wake {
        /// The operation.
        op: Op,
        /// The moment.
        at: Timestamp,
    },
    /// Forget to wake the run: the sleep is given up.
    Forget {
        /// The operation.
        op: Op,
        /// The moment at which it was to be woken.
        at: Timestamp,
    },
    /// Make no attempt of a step any more, and tell the one that runs to stop: the step is given up.
    Stop {
        /// The operation.
        op: Op,
        /// When its next attempt was due, if the last one failed.
        at: Option<Timestamp>,
    },
    /// Answer the caller of a request or of a signal.
    Respond {
        /// The number of the request or the signal.
        request: u64,
        /// The answer.
        response: Response,
    },
    /// Have the token of a hook, unless another hook that is open has it. It is asked for in the commit of
    /// the turn itself.
    Claim(Box<Claim>),
    /// Have the token of a hook no more: whoever asks for it next gets it, from the commit of the turn on.
    Release {
        /// The operation.
        op: Op,
        /// The token.
        token: String,
    },
    /// Start a child. It is on disk since the commit of the turn.
    Spawn(Box<Spawn>),
    /// Cancel a child. That it is to be cancelled is on disk since the commit of the turn.
    CancelChild {
        /// The operation.
        op: Op,
        /// The child.
        run: RunId,
    },
    /// Send a signal to another run, and tell this one what became of it.
    Tell(Box<Tell>),
    /// End the run at this moment, if it has not ended: it takes too long to clean up.
    Expire {
        /// The moment.
        at: Timestamp,
    },
    /// The run is over: stop its steps, forget its timers, tell who waits for it.
    End {
        /// The timers that it may have, by their moments: of sleeps, and of attempts to come.
        timers: Vec<(Timestamp, Op)>,
        /// The tokens of its hooks, with those that it may have.
        hooks: Vec<(Op, String)>,
        /// The children that are to end with it.
        children: Vec<RunId>,
    },
}

impl Effect {
    /// Whether it is owed although the run ends in the same turn. What is not awaited at the end is dropped:
    /// nothing starts only to be stopped.
    pub(crate) fn outlives_its_run(&self) -> bool {
        match self {
            Self::Respond { .. } | Self::Release { .. } | Self::CancelChild { .. } => true,
            Self::Spawn(spawn) => spawn.policy == ClosePolicy::Leave,
            Self::Start { .. }
            | Self::Wake { .. }
            | Self::Forget { .. }
            | Self::Stop { .. }
            | Self::Claim(_)
            | Self::Tell(_)
            | Self::Expire { .. }
            | Self::End { .. } => false,
        }
    }
}
