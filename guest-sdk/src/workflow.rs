//! What `#[workflow]` makes of a function.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::runtime::Workflow as Running;

/// A workflow, as `#[workflow]` declares it. The type has the name of the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    label = "this is not a function with `#[segno::workflow]`",
    note = "`segno::export!` lists functions that have the attribute `#[segno::workflow]`, by their path"
)]
pub trait WorkflowDef {
    /// The name by which runs are started.
    const NAME: &'static str;

    /// How many of the last turns of a run are kept at least; all, where it does not say.
    const KEEP: Option<u64>;

    /// The workflow on an input in JSON, not yet polled.
    fn start(input: &str) -> Running;
}

/// A workflow without a parameter. The input is not looked at.
pub fn without_input<F>(workflow: impl FnOnce() -> F) -> Running
where
    F: Future<Output: Outcome> + 'static,
{
    let workflow = workflow();
    Box::pin(async { workflow.await.into_verdict() })
}

/// A workflow with one parameter. An input that does not fit is the workflow's error.
pub fn with_input<I, F>(parameter: &'static str, input: &str, workflow: impl FnOnce(I) -> F) -> Running
where
    I: DeserializeOwned,
    F: Future<Output: Outcome> + 'static,
{
    match serde_json::from_str(input) {
        Ok(input) => without_input(|| workflow(input)),
        Err(error) => {
            let message = format!("the input does not fit the parameter `{parameter}`: {error}");
            Box::pin(async { Err(message) })
        }
    }
}

/// What a workflow returns.
#[diagnostic::on_unimplemented(
    message = "a workflow cannot return `{Self}`",
    note = "a workflow returns `Result<T, E>`, where `T` can be written as JSON and `E` can be shown"
)]
pub trait Outcome {
    /// The output as JSON, or the text of the error with its causes.
    fn into_verdict(self) -> Result<String, String>;
}

impl<T: Serialize, E: Display> Outcome for Result<T, E> {
    fn into_verdict(self) -> Result<String, String> {
        match self {
            Ok(output) => serde_json::to_string(&output)
                .map_err(|error| format!("the output cannot be written as JSON: {error}")),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}
