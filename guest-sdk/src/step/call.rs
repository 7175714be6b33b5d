//! Calling a step: through the host where there is one, else in place.

use serde::de::DeserializeOwned;

use crate::runtime::{self, Event};
use crate::step::arguments::Input;
use crate::{StepFailure, runtime::Runtime};

/// A step, as `#[step]` declares it. The type has the name of the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a step",
    label = "this is not a function with `#[segno::step]`",
    note = "`segno::register!` lists functions that have the attribute `#[segno::step]`, by their path"
)]
pub trait StepDef {
    /// The name by which the host knows it.
    const NAME: &'static str;

    /// What a host runs.
    #[cfg(not(target_family = "wasm"))]
    fn step() -> crate::native::Step;
}

/// What a call wants different from what the step declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallOptions {
    /// How many times a failed attempt is tried again.
    pub(crate) max_retries: Option<u32>,
    /// How long after its first failure it is tried again, in milliseconds.
    pub(crate) retry_for_ms: Option<u64>,
    /// How long an attempt may take, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
}

/// Calls the step `S`. Used by the code that `#[step]` writes.
///
/// # Errors
///
/// When the step fails for good, and when input or output are not what JSON can carry.
pub async fn call<S: StepDef, T: DeserializeOwned>(input: Input) -> Result<T, StepFailure> {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        let input = input.finish(S::NAME)?;
        return read(S::NAME, &crate::native::run_in_place(S::step(), input).await?);
    }
    call_named(S::NAME, input, CallOptions::default()).await
}

/// Calls a step that only the host knows.
pub(crate) async fn call_named<T: DeserializeOwned>(
    step: &str,
    input: Input,
    options: CallOptions,
) -> Result<T, StepFailure> {
    let input = input.finish(step)?;
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        let message = "this step is the host's own, and there is no host here".to_owned();
        return Err(StepFailure::before_any_attempt(step, message));
    }
    let operation = Runtime::here(|runtime| runtime.call_step(step, &input, options));
    drop(input);
    match runtime::answer(operation).await {
        Event::Completed(output) => read(step, &output),
        Event::Failed(failure) => Err(failure),
        Event::Slept | Event::Requested(_) => {
            unreachable!("the host answers a step with its output or its failure")
        }
    }
}

/// The output of a step, as the type that the workflow expects.
fn read<T: DeserializeOwned>(step: &str, output: &str) -> Result<T, StepFailure> {
    serde_json::from_str(output).map_err(|error| {
        let message = format!("its output is not what the workflow expects: {error}");
        StepFailure::before_any_attempt(step, message)
    })
}
