//! What runs inside a guest: the executor of one workflow, and the component around it.
//!
//! A Segno guest is a WebAssembly component that holds workflows. Authors do not write against this
//! crate but against an *SDK* that stands on it: `segno`, for those who write Rust. Another
//! language needs an SDK of its own, for example one that embeds an interpreter and carries a
//! script; what it shares with every other is here, so that images, replay and limits hold for it
//! without a change to hosts.
//!
//! # What an SDK does
//!
//! It says what is in the component, as a [`Component`](component::Component): the manifest, and
//! for a name and an input a future. On wasm, `segno_guest_runtime::export!` writes the exports
//! from that.
//!
//! ```
//! use segno_guest_runtime::component::{Component, Manifest, StartError, Workflow};
//! use segno_guest_runtime::task::WorkflowFuture;
//! use segno_guest_runtime::types::{Failure, StepOptions};
//! use segno_guest_runtime::{context, sleep, step};
//!
//! struct Reminders;
//!
//! impl Component for Reminders {
//!     fn manifest() -> Manifest {
//!         Manifest {
//!             sdk: "reminders 1.0.0".to_owned(),
//!             workflows: vec![Workflow { name: "remind".to_owned(), keep: None }],
//!             steps: vec!["write-letter".to_owned()],
//!         }
//!     }
//!
//!     fn start(workflow: &str, input: &str) -> Result<WorkflowFuture, StartError> {
//!         match workflow {
//!             "remind" => Ok(Box::pin(remind(input.to_owned()))),
//!             _ => Err(StartError::Unknown),
//!         }
//!     }
//! }
//!
//! async fn remind(input: String) -> Result<String, Failure> {
//!     sleep::until(context::now() + 86_400_000).await;
//!     let letter = step::call("write-letter", &input, StepOptions::default());
//!     letter.await.map_err(|failure| Failure::from(failure.message))
//! }
//!
//! #[cfg(target_family = "wasm")]
//! segno_guest_runtime::export!(Reminders);
//! # fn main() {}
//! ```
//!
//! | A workflow wants | It gets |
//! |---|---|
//! | a step | [`step::call`] |
//! | to wait for time | [`sleep::until`] |
//! | to be called by the world | [`webhook::create`] |
//! | to be called by programs and people, by a token | [`hook::create`], [`hook::open`] |
//! | to be sent something under a name | [`signal::open`] |
//! | to show something to those who ask, and to answer them | [`query::publish`], [`query::answer`] |
//! | to undo what it did when it fails or is cancelled | [`cleanup::register`], [`cleanup::shield`] |
//! | to be found by what it is about | [`attributes::set`], [`attributes::remove`] |
//! | to give something out as the run works | [`stream::write`], [`stream::close`] |
//! | to answer who called it | [`inbox::respond`] |
//! | to know its run and the time, to draw lots, to log | [`context`] |
//!
//! Each of these asks the host at once, as promises do; an SDK whose futures are lazy asks at their
//! first poll. What is waited for is a future. It is answered by one event, it belongs to the run
//! of its thread, and dropping it gives the answer up. An SDK whose promises cannot be dropped has
//! to offer another way to give up a sleep that lost a race, or a loop leaves one behind in each
//! round.
//!
//! Values are plain: text that is JSON, bytes, numbers of milliseconds. How authors see them, what
//! they may write, and what is refused before a host would block the run for it, is the SDK's.
//!
//! # What an SDK must keep
//!
//! * **The same events give the same commands.** The order in which operations are asked for is
//!   compared on replay, so nothing may depend on addresses, on hash seeds or on the time of day.
//! * **All state lies in linear memory**, that of code in C too: no threads, and no tables that
//!   grow. An event comes in, the future is polled as long as it is woken, and the verdict goes out:
//!   then the stack is empty, and an image of the memory is an image of the run. An interpreter runs
//!   its jobs inside of a poll, and has none left when it returns `Pending`.
//! * **What was set up before the start is part of the component.** This crate keeps nothing before
//!   the host calls `start`, so the memory of a component may be prepared when it is built, with an
//!   interpreter that has already read its script. Reading it may ask for neither time nor chance:
//!   there is no run yet that has any.
//! * **The allocator that the host calls is here**, because loading an image needs it: an SDK
//!   exports no `cabi_realloc`.
//! * **A panic blocks the run** with its message. What an author did wrong and may handle is a
//!   failure of the operation; what ends a workflow is the error of its future.
//!
//! # Natively
//!
//! The crate also builds natively, so that one source of an SDK has two builds and tests may play
//! the host: [`Runtime::install`](runtime::Runtime::install) takes any [`Host`](host::Host). Only
//! the component itself is missing.

pub mod attributes;
pub mod child;
pub mod cleanup;
pub mod component;
pub mod context;
mod ending;
pub mod hook;
pub mod host;
pub mod inbox;
mod operations;
pub mod query;
pub mod runtime;
pub mod signal;
pub mod sleep;
pub mod step;
pub mod stream;
pub mod task;
#[cfg(test)]
mod tests;
pub mod types;
#[cfg(target_family = "wasm")]
pub mod wasm;
pub mod webhook;
