//! Calling a step: through the host where there is one, else in place.

#[cfg(not(target_family = "wasm"))]
use segno_guest_runtime::runtime::Runtime;
use segno_guest_runtime::step;
use segno_guest_runtime::types::StepOptions;
use serde::de::DeserializeOwned;

#[cfg(not(target_family = "wasm"))]
use crate::native::{self, Step};
use crate::step::{Input, StepFailure};

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
    fn step() -> Step;
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
        return read(S::NAME, &native::run_in_place(S::step(), input).await?);
    }
    call_named(S::NAME, input, StepOptions::default()).await
}

/// Calls a step that only the host knows.
pub(crate) async fn call_named<T: DeserializeOwned>(
    name: &str,
    input: Input,
    options: StepOptions,
) -> Result<T, StepFailure> {
    let input = input.finish(name)?;
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        let message = "this step is the host's own, and there is no host here".to_owned();
        return Err(StepFailure::before_any_attempt(name, message));
    }
    let call = step::call(name, &input, options);
    drop(input);
    let output = call.await.map_err(StepFailure::from_host)?;
    read(name, &output)
}

/// The output of a step, as the type that the workflow expects.
fn read<T: DeserializeOwned>(step: &str, output: &str) -> Result<T, StepFailure> {
    serde_json::from_str(output).map_err(|error| {
        let message = format!("its output is not what the workflow expects: {error}");
        StepFailure::before_any_attempt(step, message)
    })
}
