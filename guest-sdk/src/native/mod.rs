//! What a host needs: the steps of a crate with their bodies and policies, and the context that
//! it gives to each attempt.
//!
//! A host takes [`Steps`] from the author's crate, finds the [`Step`] that a workflow calls, and
//! runs its [`body`](Step::body) inside [`StepContext::scope`]. Authors need none of this, except
//! to hand `steps()` to their host.
//!
//! ```
//! use segno::native::{CancellationToken, Step, StepContext, StepInfo, StepPolicy, Steps};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let greet = Step::from_fn("greet", "name", StepPolicy::default(), |name: String| async move {
//!     let step = StepContext::current();
//!     Ok(format!("hello {name}, this is attempt {}", step.attempt()))
//! });
//! let steps = Steps::new().with(greet);
//! steps.check().expect("each name stands for one step");
//!
//! let info = StepInfo { run_id: "run_1".into(), operation: 7, ..StepInfo::detached("greet") };
//! let context = StepContext::new(info, CancellationToken::new(), std::sync::Arc::new(|_, _| {}));
//! assert_eq!(context.step_id(), "run_1:7");
//!
//! let step = steps.get("greet").expect("it was added above");
//! let output = context.scope(step.run(r#"{"name":"Ada"}"#.into())).await;
//! assert_eq!(output.expect("it succeeds"), r#""hello Ada, this is attempt 1""#);
//! # }
//! ```
//!
//! None of this exists on wasm.

pub(crate) mod arguments;
mod clock;
mod context;
pub(crate) mod define;
mod policy;
mod registry;
mod stream;

pub use tokio_util::sync::CancellationToken;

pub use crate::native::context::{Heart, Responder, StepContext, StepInfo};
pub use crate::native::policy::{Backoff, StepPolicy};
pub use crate::native::registry::{DuplicateStep, Step, StepBody, Steps};
pub use crate::native::stream::{StepStream, StreamSink};

pub(crate) use crate::native::clock::{clock, entropy, sleep_until};
pub(crate) use crate::native::context::run_in_place;
