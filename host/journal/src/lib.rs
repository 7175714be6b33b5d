//! The mind of Segno: what a run is, what may happen to it, and what follows.
//!
//! Everything here is a value or a pure function. There is no I/O, no clock, no randomness, no
//! `async` and no Wasm: time and chance come in as arguments. So every rule can be tested ten
//! thousand times a second, and the crate also builds for `wasm32-wasip2`.
//!
//! In reading order: a run has an [`RunId`]; an [`Event`] is delivered to it; its workflow answers
//! with [`Command`]s and a [`Verdict`]; the three together are a [`Turn`]; [`Run::apply`] folds
//! turns into the state of the run and says which [`Effect`]s the world owes it. [`retry`] decides
//! what follows a failed attempt, [`divergence`] compares a replay with the record.

mod admits;
mod attribute;
mod branch;
mod child;
mod cleanup;
mod command;
pub mod divergence;
mod effect;
mod ending;
mod event;
mod fault;
mod fork;
mod grows;
mod hook;
mod id;
mod json;
mod losses;
mod module;
mod open;
mod owed;
mod parts;
mod payload;
mod published;
mod request;
mod retrial;
pub mod retry;
mod rewind;
mod run;
mod shown;
mod signals;
mod size;
mod stream;
mod turn;
mod words;

pub use crate::attribute::{
    AttributeValue, Attributes, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTES, Number,
    is_attribute_name,
};
pub use crate::branch::{Branch, NoFork};
pub use crate::child::{ChildEnd, ClosePolicy, NotTold, OpenChild, OpenTell, Parent, Spawn, Tell};
pub use crate::command::{Answer, Command, StepOptions};
pub use crate::effect::Effect;
pub use crate::ending::{Ending, OpenCompensation, Told, Unwinds};
pub use crate::event::{Event, Signal, StepFailure};
pub use crate::fault::{Fault, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, Refusal};
pub use crate::fork::Fork;
pub use crate::hook::{Claim, OpenHook};
pub use crate::id::{JobId, Op, ParseJobIdError, ParseRunIdError, RunId, Timestamp};
pub use crate::json::{MAX_NESTING, is_too_nested};
pub use crate::losses::{APART_FROM, Losses, MAX_LOSSES};
pub use crate::module::{Digest, History, Manifest, ParseDigestError, Workflow};
pub use crate::open::{Open, OpenSignal, OpenWebhook, StepCall};
pub use crate::owed::Owed;
pub use crate::payload::Payload;
pub use crate::request::{Request, Response};
pub use crate::retrial::Retrial;
pub use crate::rewind::{MAX_SET_ASIDE, NoRewind, Rewind};
pub use crate::run::{Run, Status};
pub use crate::signals::{KEPT_KEYS, KnownSignal, Signals};
pub use crate::size::OPERATION_BYTES;
pub use crate::stream::{BLOCK_BYTES, Block, CHUNK_BYTES, Stream};
pub use crate::turn::{BlockKind, Blocked, Failure, Level, LogLine, Turn, Verdict};
pub use crate::words::{
    MAX_CHUNK, MAX_CLEANUP_ERROR, MAX_COMPENSATION_NAME, MAX_COMPENSATIONS, MAX_HOOK_METADATA,
    MAX_HOOK_TOKEN, MAX_PUBLISHED, MAX_PUBLISHED_BYTES, MAX_QUERY_NAME, MAX_SIGNAL_NAME,
    MAX_STREAM_NAME, MAX_STREAMS, MAX_WORKFLOW_NAME, is_word,
};
