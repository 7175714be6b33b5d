//! What the world owes a run.

use std::sync::Arc;

use crate::{Op, Response, StepCall, Timestamp};

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
    /// Answer the caller of a request.
    Respond {
        /// The number of the request.
        request: u64,
        /// The answer.
        response: Response,
    },
    /// The run is over: stop its steps, forget its timers, tell who waits for it.
    End {
        /// The timers that it may have, by their moments: of sleeps, and of attempts to come.
        timers: Vec<(Timestamp, Op)>,
    },
}
