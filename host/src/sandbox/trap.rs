//! Why a guest stopped, as a sentence for its author or its operator.

use segno_journal::{BlockKind, Blocked};
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::sandbox::state::State;

/// The reason for an error of a guest: what the host said when it stopped it, what the workflow
/// said when it panicked, or what the trap means.
pub(crate) fn explain(state: &mut State, error: &wasmtime::Error) -> Blocked {
    if let Some(fault) = state.take_fault() {
        return fault;
    }
    if let Some(message) = state.take_panic() {
        return Blocked {
            kind: BlockKind::Trap,
            message: format!("the workflow panicked: {message}"),
        };
    }
    let (kind, message) = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => {
            let message = format!(
                "the workflow computed for more than {} instructions without waiting; is there an endless loop? \
                 Heavy work belongs in a step",
                state.quota().fuel_per_turn
            );
            (BlockKind::Limit, message)
        }
        Some(Trap::Interrupt) => (
            BlockKind::Limit,
            format!(
                "the workflow kept its host busy for more than {} seconds in one turn",
                state.quota().seconds
            ),
        ),
        Some(Trap::StackOverflow) => (
            BlockKind::Limit,
            "the workflow used up its call stack; is there an endless recursion?".to_owned(),
        ),
        Some(Trap::MemoryOutOfBounds) => (
            BlockKind::Trap,
            "the workflow reached outside of its memory; an endless recursion also ends so"
                .to_owned(),
        ),
        Some(trap) => (BlockKind::Trap, format!("the workflow trapped: {trap}")),
        None if passed_too_much(error) => {
            let message = format!(
                "the workflow passed more than {} bytes to the host in one call",
                state.quota().passes()
            );
            (BlockKind::Limit, message)
        }
        None => (
            BlockKind::Trap,
            format!("the component broke the rules of its interface: {}", error.root_cause()),
        ),
    };
    Blocked { kind, message }
}

/// Whether a guest cannot be made because the host has no room for it, rather than for what it does.
pub(crate) fn is_for_want_of_room(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<PoolConcurrencyLimitError>()
            || cause.is::<std::io::Error>()
            || cause.is::<rustix::io::Errno>()
    })
}

/// Whether the guest was stopped because one call brought more than it may. Wasmtime says so in words
/// only.
fn passed_too_much(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}
