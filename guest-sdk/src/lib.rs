//! Durable workflows: what their author writes against.
//!
//! A *workflow* is an `async fn` that waits, decides and calls steps. It is compiled to a
//! WebAssembly component and runs in a deterministic sandbox; whatever happens to its host, it
//! goes on where it was. A *step* is an `async fn` that touches the world: it is native code, and
//! runs at least once for each call. Both stand in one crate, in the same files.
//!
//! ```
//! # mod scope {
//! use segno::{Error, Timestamp, sleep, workflow};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! pub struct Contact {
//!     id: String,
//!     name: String,
//! }
//!
//! /// Copies what changes in the CRM, every five minutes, for ever.
//! #[workflow]
//! pub async fn crm_poll() -> Result<(), Error> {
//!     let mut cursor = segno::now();
//!     loop {
//!         let next = segno::now();
//!         let contacts = steps::fetch_updated_contacts(cursor).await?;
//!         if !contacts.is_empty() {
//!             steps::upsert_contacts(contacts).await?;
//!         }
//!         cursor = next;
//!         sleep("5 minutes").await;
//!     }
//! }
//!
//! #[segno::steps]
//! pub mod steps {
//!     use segno::{StepError, step};
//!
//!     use super::*;
//!
//!     #[step(timeout = "30s")]
//!     pub async fn fetch_updated_contacts(since: Timestamp) -> Result<Vec<Contact>, StepError> {
//!         // … reqwest, or whatever you like
//!         # let _ = since;
//!         # Ok(Vec::new())
//!     }
//!
//!     #[step(max_retries = 10)]
//!     pub async fn upsert_contacts(contacts: Vec<Contact>) -> Result<(), StepError> {
//!         // … sqlx, or whatever you like
//!         # let _ = contacts;
//!         # Ok(())
//!     }
//! }
//!
//! segno::export!(crm_poll);
//! segno::register!(steps::fetch_updated_contacts, steps::upsert_contacts);
//! # }
//! ```
//!
//! # Two builds
//!
//! With `--target wasm32-wasip2` the crate is a component: the workflows are there, and of each
//! step a stub that asks the host. Natively it is a library: [`steps()`](register!) has the bodies.
//! The workflows are type-checked in both. [`#[steps]`](macro@steps) keeps what only bodies need
//! out of the component.
//!
//! # Waiting
//!
//! [`sleep`] and [`sleep_until`] wait for time, a call of a step for its result,
//! [`Webhook::next`] for the world. They are futures like any other: run them together with `join_all`, race them
//! with `select`, drop what lost. Nothing starts before it is first polled. A sleep that is dropped is given up; a
//! step that was started goes on to its end, unless it is in [`abort_on_drop`].
//!
//! # What holds still
//!
//! A workflow is run again from its history when its host has lost its memory. It must therefore
//! do the same when the same happens to it: [`now`] is the time of the event that it handles, [`random`] a seeded
//! stream of its own. There are no files, no sockets, no threads and no environment; what needs them is a step.
//!
//! # Errors
//!
//! A step fails with a [`StepError`], for which `?` is enough, and is tried again. When no attempt
//! is left the workflow gets a [`StepFailure`]. A workflow fails with an [`Error`], or any other type that
//! can be shown; what it registered with [`compensate`] then undoes what it did. A panic in a workflow is a
//! bug: it blocks the run, and a repaired component lets it go on.
//!
//! # Schemas
//!
//! A crate that depends on `schemars` and derives its `JsonSchema` for what a workflow takes and
//! returns tells clients what that looks like: `segno build` builds it a second time, with the
//! feature `schema` of this crate, asks that component for the schemas, and puts them into the one
//! that is deployed. A type without `JsonSchema` has no schema, and nothing else is different for
//! it. For [`Timestamp`], turn on `schemars`' feature `jiff02`.
//!
//! # Tests
//!
//! Natively and without a host a workflow is a function: a step runs its body, once and in place, and a sleep
//! is tokio's, so that a paused clock makes a year short. Webhooks need a host.

#[doc(hidden)]
pub mod __private;
pub mod attributes;
mod body;
mod call;
mod child;
mod cleanup;
#[cfg(target_family = "wasm")]
mod component;
mod duration;
mod error;
mod headers;
pub mod hook;
pub mod http;
pub mod local;
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod native;
mod query;
mod random;
mod run;
#[cfg(feature = "schema")]
mod schema;
pub mod signal;
mod step;
mod stream;
#[cfg(test)]
mod tests;
mod time;
mod webhook;
mod word;
mod workflow;

/// A moment: `jiff::Timestamp`.
#[doc(inline)]
pub use jiff::Timestamp;
/// Dates and times of day, without a zone: `jiff::civil`.
#[doc(inline)]
pub use jiff::civil;

/// Makes an `async fn` a workflow: durable logic that waits, calls steps, and survives restarts.
///
/// ```
/// # async fn greet(name: String) -> Result<String, segno::StepFailure> { Ok(name) }
/// #[segno::workflow]
/// pub async fn greeter(name: String) -> Result<String, segno::Error> {
///     segno::sleep("1 day").await;
///     Ok(greet(name).await?)
/// }
/// ```
///
/// A workflow has at most one parameter, its input, which can be read from JSON. It returns
/// `Result<T, E>`, where `T` can be written as JSON and `E` can be shown. Its name is that of the
/// function, or another:
///
/// ```
/// #[segno::workflow(name = "nightly-report")]
/// pub async fn report() -> Result<(), segno::Error> {
///     Ok(())
/// }
/// ```
///
/// A loop that runs for years need not keep all of its past. With `history = "keep 1000"` the last
/// 1,000 turns of a run are kept at least, and older ones are forgotten once the host has an image
/// of its memory that stands for them; `history = "all"`, the default, keeps everything. A turn is
/// one event and what the workflow did about it. A run whose turns were forgotten goes on as
/// before, but only on the module that it was started on, and its history tells what is left: a
/// step that was asked for in a turn that is gone has no name when it returns. A workflow that
/// prints is never forgotten anything of: what it prints to is not in its memory; use [`log`].
///
/// ```
/// #[segno::workflow(history = "keep 1000")]
/// pub async fn poll() -> Result<(), segno::Error> {
///     loop {
///         segno::sleep("5 minutes").await;
///     }
/// }
/// ```
///
/// The function itself stays as it is; [`export!`] makes it part of the component. Beside it
/// stands a hidden type of the same name, by which the list finds it.
pub use segno_macros::workflow;

/// Makes an `async fn` a step: native code with full I/O, run at least once for each call.
///
/// ```
/// use segno::{StepContext, StepError};
///
/// #[segno::step(
///     name = "create-invoice",
///     max_retries = 5,
///     timeout = "30s",
///     backoff(initial = "1s", factor = 2.0, max = "60s", jitter = 0.2),
/// )]
/// pub async fn create_invoice(customer: String, amount: u32) -> Result<String, StepError> {
///     let step = StepContext::current();
///     Ok(format!("{} for {customer}: {amount}", step.step_id()))
/// }
///
/// #[segno::workflow]
/// pub async fn billing() -> Result<String, segno::Error> {
///     Ok(create_invoice("Ada".into(), 7).await?)
/// }
/// ```
///
/// A step has any number of owned parameters that JSON can carry, and returns `Result<T, E>`, where
/// JSON can carry `T`, and `E` is [`StepError`] or anything that becomes one by `?`. What a
/// workflow calls by this name is a stub that asks the host and returns
/// `Result<T, `[`StepFailure`]`>`; the body exists in the native build alone. On replay nothing
/// runs: the recorded result is given again.
///
/// All options may be left out:
///
/// | Option | Meaning | Default |
/// |---|---|---|
/// | `name = "…"` | the name by which hosts know it | that of the function |
/// | `max_retries = 5` | how many times a failed attempt is tried again; `"forever"` is without end | 3, about seven seconds |
/// | `retry_for = "2 hours"` | how long after its first failure the step is tried again, as often as it takes or at most `max_retries` times | as long as `max_retries` takes |
/// | `timeout = "30s"` | how long one attempt may take | 10 minutes |
/// | `backoff(initial = "1s", …)` | the pause before the second attempt | 1 s |
/// | `backoff(factor = 2.0, …)` | by what each pause is multiplied | 2 |
/// | `backoff(max = "60s", …)` | the longest pause | 60 s |
/// | `backoff(jitter = 0.2, …)` | the share by which a pause may vary | 0.2 |
///
/// Attributes that stand below `#[step]` belong to the body, except `#[deprecated]` and
/// `#[must_use]`; documentation belongs to the stub.
///
/// A step that calls another runs it like the function that it is, within its own attempt.
pub use segno_macros::step;

/// Makes a module the home of steps: in the wasm build only what their signatures need is left.
///
/// ```
/// # mod scope {
/// #[segno::steps]
/// pub mod steps {
///     use std::fs;                          // native alone: no signature mentions it
///     use std::path::PathBuf;               // stays
///     use segno::{StepError, step};         // `step` stays, and `StepError` goes
///
///     /// Stays, because a signature mentions it.
///     pub type Size = u64;
///
///     #[step]
///     pub async fn size(file: PathBuf) -> Result<Size, StepError> {
///         Ok(measured(&file)?)
///     }
///
///     // Native alone: a helper of a body.
///     fn measured(file: &PathBuf) -> std::io::Result<u64> {
///         Ok(fs::metadata(file)?.len())
///     }
/// }
/// # }
/// ```
///
/// On wasm these stay: the stubs of the functions with `#[step]`; the types, aliases, constants,
/// functions and modules that their signatures mention, and what those mention, in serde's
/// attributes too; the implementations of `Serialize` and `Deserialize` for these types; the
/// imports of what is mentioned; and glob imports from `super`, `self` and `crate`. Everything
/// else exists in the native build alone. A type that a workflow's body needs, and no signature
/// mentions, stands outside the module.
pub use segno_macros::steps;

pub use crate::body::Body;
pub use crate::call::{AbortOnDrop, abort_on_drop};
pub use crate::child::{Child, ChildError, SignalError, send_signal, spawn, spawn_detached};
pub use crate::cleanup::{Compensation, Shield, compensate, shield};
#[cfg(target_family = "wasm")]
pub use crate::component::Steps;
pub use crate::duration::{IntoDuration, InvalidDuration};
pub use crate::error::Error;
#[doc(inline)]
pub use crate::hook::{Hook, HookBuilder, HookError, ScopedHook};
#[cfg(not(target_family = "wasm"))]
#[doc(no_inline)]
pub use crate::native::{StepContext, StepStream, Steps};
pub use crate::query::{Query, publish, query};
pub use crate::random::{random, random_range};
pub use crate::run::{RunInfo, run};
#[doc(inline)]
pub use crate::signal::{Signal, Signals, signals};
#[cfg(target_family = "wasm")]
pub use crate::step::{StepContext, StepStream};
pub use crate::step::{StepError, StepFailure};
pub use crate::stream::{Stream, StreamError, stream};
pub use crate::time::{Sleep, now, sleep, sleep_until};
pub use crate::webhook::{Next, Request, Response, Webhook, WebhookBuilder};

/// Lists the workflows of a component, by their paths. Stands once, in `lib.rs`.
///
/// ```
/// # mod scope {
/// #[segno::workflow]
/// pub async fn hello() -> Result<&'static str, segno::Error> {
///     Ok("hello")
/// }
///
/// segno::export!(hello);
/// # }
/// ```
///
/// On wasm this writes the exports of the component. Natively it only checks the list. Where the compiler says
/// that it expected a type and found a function, that function lacks its `#[workflow]`.
#[macro_export]
macro_rules! export {
    ($($workflow:ty),+ $(,)?) => {
        #[doc(hidden)]
        #[allow(unused_imports, reason = "`register!` shadows what it brings")]
        use $crate::__private::defaults::*;

        const _: () = ::core::assert!(
            $crate::__private::all_differ(&[
                $($crate::__private::workflow::<$workflow>().name),+
            ]),
            "two workflows of this list have the same name: give one of them another with \
             `#[segno::workflow(name = \"…\")]`",
        );

        $crate::__segno_exports!($($workflow),+);
    };
    () => {
        ::core::compile_error!(
            "segno::export! lists the workflows of this component: \
             segno::export!(my_workflow, other::workflow);"
        );
    };
}

/// Natively there is nothing to export.
#[doc(hidden)]
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! __segno_exports {
    ($($workflow:ty),+) => {};
}

/// The exports of a component.
#[doc(hidden)]
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! __segno_exports {
    ($($workflow:ty),+) => {
        const _: () = {
            struct Lists;

            impl $crate::__private::Exports for Lists {
                const WORKFLOWS: &'static [$crate::__private::Listed] =
                    &[$($crate::__private::workflow::<$workflow>()),+];

                fn steps() -> $crate::Steps {
                    __segno_steps()
                }
            }

            $crate::__private::export_component!($crate::__private::Exported<Lists>);
        };
    };
}

/// Lists the steps of a crate, by their paths, and defines `pub fn steps() -> segno::Steps`.
/// Stands once, in `lib.rs`.
///
/// ```
/// # mod scope {
/// #[segno::steps]
/// mod greetings {
///     #[segno::step]
///     pub async fn greet(name: String) -> Result<String, segno::StepError> {
///         Ok(format!("hello {name}"))
///     }
/// }
///
/// segno::register!(greetings::greet);
///
/// # pub fn test() {
/// assert_eq!(steps().names().collect::<Vec<_>>(), ["greet"]);
/// # }}
/// # scope::test();
/// ```
///
/// Natively these are the steps with their bodies. On wasm they are the names that the component may call.
#[macro_export]
macro_rules! register {
    ($($step:ty),* $(,)?) => {
        /// The steps of this crate.
        #[must_use]
        pub fn steps() -> $crate::Steps {
            $crate::Steps::new()$(.with($crate::__private::step::<$step>()))*
        }

        #[doc(hidden)]
        pub fn __segno_steps() -> $crate::Steps {
            steps()
        }
    };
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
