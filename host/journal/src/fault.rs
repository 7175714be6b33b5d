//! Why a run does not take an event, and why a turn cannot be one of it.

use crate::{MAX_COMPENSATIONS, MAX_PUBLISHED, Op};

/// How many requests of one webhook, payloads of one hook or signals of one name may lie untaken. More than this is a workflow that does not
/// keep up; its callers are asked to come later.
pub const MAX_UNTAKEN: usize = 1_000;

/// How many bytes of them may lie untaken, over all inboxes of a run: they live in the memory of
/// the guest, which is bounded.
pub const MAX_UNTAKEN_BYTES: usize = 8 << 20;

/// Why a run cannot be given an event. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// The operation is over, or was never of this kind.
    #[error("operation {0} is not open")]
    NotOpen(Op),
    /// Too much lies untaken in the inbox.
    #[error(
        "the workflow has not yet taken {MAX_UNTAKEN} of what came, or {MAX_UNTAKEN_BYTES} bytes of it"
    )]
    Full,
    /// A signal with this key has come already.
    #[error("a signal with this key has come already")]
    Repeated,
}

/// A turn that no workflow built after the rules can give, or a damaged record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The turn is not the next one.
    #[error("turn {found} stands where turn {expected} belongs")]
    OutOfOrder {
        /// The turn that is next.
        expected: u64,
        /// The turn that was given.
        found: u64,
    },
    /// The turn counts other operations before it than there were.
    #[error("turn {seq} says that {} operations began before it, but {} did", .found.0, .expected.0)]
    Miscounted {
        /// The turn.
        seq: u64,
        /// The number of the operation that is next.
        expected: Op,
        /// The number that the turn gives to its first operation.
        found: Op,
    },
    /// The event cannot happen to the run as it stands.
    #[error("turn {seq} delivers an event that the run cannot have: {refusal}")]
    Event {
        /// The turn.
        seq: u64,
        /// Why not.
        refusal: Refusal,
    },
    /// The workflow took something that is not there.
    #[error("the workflow took something from inbox {0}, where nothing is left to take")]
    NothingToTake(Op),
    /// The workflow answered a request that never came.
    #[error("the workflow answered request {0}, which never came")]
    UnknownRequest(u64),
    /// The workflow shows values under too many names.
    #[error("the workflow publishes values under more than {MAX_PUBLISHED} names")]
    PublishesTooMuch,
    /// The workflow begins to clean up again.
    #[error("the workflow has begun to undo what it did before; it may do so once")]
    UnwindsTwice,
    /// The workflow has registered too much.
    #[error(
        "the workflow has more than {MAX_COMPENSATIONS} compensations and shields that are not over; let one \
         compensation undo several things"
    )]
    UndoesTooMuch,
    /// The workflow ends as cancelled.
    #[error("the workflow ends as if it was cancelled, but nobody cancelled it")]
    NotCancelled,
    /// The workflow undoes what it did not register, or undoes it again.
    #[error("the workflow runs compensation {0}, which it has not registered, or which is over")]
    NothingToUndo(Op),
    /// The workflow waits, but nothing can wake it.
    #[error(
        "the workflow waits, but for no step, sleep, webhook, hook or signal of its own, so nothing can ever wake it; \
         await only futures that come from segno"
    )]
    WaitsForNothing,
}
