//! HTTP from a workflow, through a step that every host has.
//!
//! ```no_run
//! # async fn example() -> Result<(), segno::Error> {
//! let response = segno::http::get("https://api.example.com/rates").send().await?;
//! let rates: Vec<(String, f64)> = response.error_for_status()?.json()?;
//! # Ok(()) }
//! ```
//!
//! A request is one step, with the name `http`: it is tried again when the network fails, when it
//! times out and when the server answers 408, 429 or 5xx. Any other answer is the step's output,
//! whatever its status. It reaches public addresses, and what the operator of the host has allowed;
//! headers of the connection, such as `Host` and `Content-Length`, are the host's to set, and a
//! redirect to another origin takes no header and no body with it. Steps of your own, with a client
//! of your choice, can do more; this is for workflows that need none.

mod builder;
mod message;

pub use crate::http::builder::{RequestBuilder, delete, get, patch, post, put, request};
#[cfg(not(target_family = "wasm"))]
use crate::http::message::PARAMETER;
pub use crate::http::message::{Request, Response, STEP, StatusError};
#[cfg(not(target_family = "wasm"))]
use crate::native::{Step, StepPolicy};
#[cfg(not(target_family = "wasm"))]
use crate::step::StepError;

/// The built-in step, made by a host from a function that sends one request.
///
/// Its input on the wire is `{"request": …}`.
#[cfg(not(target_family = "wasm"))]
pub fn step<F>(policy: StepPolicy, send: impl Fn(Request) -> F + Send + Sync + 'static) -> Step
where
    F: Future<Output = Result<Response, StepError>> + Send + 'static,
{
    Step::from_fn(STEP, PARAMETER, policy, send)
}
