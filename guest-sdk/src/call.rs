//! Calling a step: through the host where there is one, else in place.

use std::pin::Pin;
use std::task::{Context, Poll};

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

/// The same future, which takes the steps that it has asked for along when it is dropped.
///
/// A step that loses a race goes on to its end, with all its attempts. Where that is a waste, or harm,
/// let it be given up: its attempt hears of it by [`StepContext::cancelled`](crate::StepContext::cancelled),
/// what it returns is dropped, and no further attempt is made. **What it has done by then, it has done**,
/// so a body must heed it and clean up.
///
/// ```no_run
/// use futures::future::{Either, select};
/// # mod steps { #[segno::step] pub async fn transcode(_film: u64) -> Result<(), segno::StepError> { Ok(()) } }
///
/// # async fn film(film: u64) -> Result<(), segno::Error> {
/// let work = segno::abort_on_drop(steps::transcode(film));
/// match select(work, segno::sleep("2 hours")).await {
///     Either::Left((done, _)) => Ok(done?),
///     Either::Right(_) => Err(segno::Error::new("it took too long")),
/// }
/// # }
/// ```
///
/// It takes along all steps that the future waits for, so it may be given a whole block. A step that the block
/// itself has dropped, as the one that loses in a `select`, goes on as ever. On replay, what was
/// given up is compared with the record. Outside of a host the future is dropped, and with it the body.
pub fn abort_on_drop<F: Future>(future: F) -> AbortOnDrop<F> {
    AbortOnDrop(step::abort_on_drop(Box::pin(future)))
}

/// The future of [`abort_on_drop`].
#[derive(Debug)]
#[must_use = "nothing is asked for unless this is awaited"]
pub struct AbortOnDrop<F>(step::AbortOnDrop<F>);

impl<F: Future> Future for AbortOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll(context)
    }
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
