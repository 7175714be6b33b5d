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

mod command;
pub mod divergence;
mod effect;
mod event;
mod grows;
mod id;
mod json;
mod losses;
mod module;
mod open;
mod payload;
pub mod retry;
mod run;
mod turn;

pub use crate::command::{Answer, Command, OPERATION_BYTES, StepOptions};
pub use crate::effect::Effect;
pub use crate::event::{Event, Request, Response, StepFailure};
pub use crate::id::{Op, ParseRunIdError, RunId, Timestamp};
pub use crate::json::{MAX_NESTING, is_too_nested};
pub use crate::losses::{APART_FROM, Losses, MAX_LOSSES};
pub use crate::module::{Digest, History, Manifest, ParseDigestError, Workflow};
pub use crate::open::{Open, OpenWebhook, Owed, StepCall};
pub use crate::payload::Payload;
pub use crate::run::{Fault, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, Refusal, Run, Status};
pub use crate::turn::{BlockKind, Blocked, Level, LogLine, Turn, Verdict};
