//! What `#[workflow]` makes of a function.

use std::any::Any;
use std::fmt::Display;

use segno_guest_runtime::task::WorkflowFuture;
use segno_guest_runtime::types::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::error::kind_of;
#[cfg(feature = "schema")]
use crate::schema::Schemas;

/// A workflow, as `#[workflow]` declares it. The type has the name of the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    label = "this is not a function with `#[segno::workflow]`",
    note = "`segno::export!` lists functions that have the attribute `#[segno::workflow]`, by their path"
)]
pub trait WorkflowDef {
    /// What it is given.
    type Input;

    /// What it returns where it does not fail.
    type Output;

    /// The name by which runs are started.
    const NAME: &'static str;

    /// How many of the last turns of a run are kept at least; all, where it does not say.
    const KEEP: Option<u64>;

    /// The workflow on an input in JSON, not yet polled.
    ///
    /// # Errors
    ///
    /// Why it cannot take this input.
    fn start(input: &str) -> Result<WorkflowFuture, String>;

    /// The schemas of its input and its output.
    #[cfg(feature = "schema")]
    fn schemas() -> Schemas;
}

/// A workflow, as `export!` lists it.
#[derive(Clone, Copy)]
pub struct Listed {
    /// The name by which runs are started.
    pub name: &'static str,
    /// How many of the last turns of a run are kept at least; all, where it does not say.
    pub keep: Option<u64>,
    /// The workflow on an input in JSON.
    pub start: fn(&str) -> Result<WorkflowFuture, String>,
    /// The schemas of its input and its output.
    #[cfg(feature = "schema")]
    pub schemas: fn() -> Schemas,
}

/// A workflow without a parameter.
///
/// # Errors
///
/// There is an input all the same.
pub fn without_input<F>(input: &str, workflow: impl FnOnce() -> F) -> Result<WorkflowFuture, String>
where
    F: Future<Output: Outcome> + 'static,
{
    if input.trim() == "null" {
        Ok(running(workflow()))
    } else {
        Err("this workflow has no parameter, so it takes no input: leave it out".to_owned())
    }
}

/// A workflow with one parameter.
///
/// # Errors
///
/// The input does not fit the parameter.
pub fn with_input<I, F>(
    parameter: &'static str,
    input: &str,
    workflow: impl FnOnce(I) -> F,
) -> Result<WorkflowFuture, String>
where
    I: DeserializeOwned,
    F: Future<Output: Outcome> + 'static,
{
    match serde_json::from_str(input) {
        Ok(input) => Ok(running(workflow(input))),
        Err(error) => Err(format!("the input does not fit the parameter `{parameter}`: {error}")),
    }
}

/// What an author's function returned, as the runtime polls it.
pub(crate) fn running(workflow: impl Future<Output: Outcome> + 'static) -> WorkflowFuture {
    Box::pin(async { workflow.await.into_verdict() })
}

/// What a workflow returns.
#[diagnostic::on_unimplemented(
    message = "a workflow cannot return `{Self}`",
    note = "a workflow returns `Result<T, E>`, where `T` can be written as JSON and `E` can be shown"
)]
pub trait Outcome {
    /// What it gives where it did not fail.
    type Output;

    /// The output as JSON, or the error with its causes.
    fn into_verdict(self) -> Result<String, Failure>;
}

impl<T: Serialize, E: Display + 'static> Outcome for Result<T, E> {
    type Output = T;

    fn into_verdict(self) -> Result<String, Failure> {
        match self {
            Ok(output) => serde_json::to_string(&output)
                .map_err(|error| format!("the output cannot be written as JSON: {error}").into()),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// An error, with what is known of it.
fn failure<E: Display + 'static>(error: &E) -> Failure {
    let message = format!("{error:#}");
    let (kind, place) = match (error as &dyn Any).downcast_ref::<Error>() {
        Some(error) => (error.kind(), Some(error.place().to_string())),
        None => (kind_of::<E>(), None),
    };
    Failure { message, kind: kind.map(str::to_owned), place }
}

/// Stands for what a workflow returns where its type cannot be written.
pub enum Opaque {}

/// What `#[workflow]` says of the types of a workflow: nothing, unless it is asked for.
#[doc(hidden)]
#[cfg(not(feature = "schema"))]
#[macro_export]
macro_rules! __segno_schemas {
    ($input:ty, $output:ty) => {};
}

/// What `#[workflow]` says of the types of a workflow.
#[doc(hidden)]
#[cfg(feature = "schema")]
#[macro_export]
macro_rules! __segno_schemas {
    ($input:ty, $output:ty) => {
        fn schemas() -> $crate::__private::Schemas {
            #[allow(unused_imports, reason = "of the two, the type decides which is used")]
            use $crate::__private::{HasNoSchema as _, HasSchema as _};
            $crate::__private::Schemas {
                input: (&$crate::__private::Of::<$input>::INPUT).__segno_schema(),
                output: (&$crate::__private::Of::<$output>::OUTPUT).__segno_schema(),
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{with_input, without_input};

    async fn double(n: u32) -> Result<u32, String> {
        Ok(2 * n)
    }

    async fn nothing() -> Result<(), String> {
        Ok(())
    }

    #[test]
    fn an_input_that_does_not_fit_is_refused_before_the_workflow_begins() {
        assert!(with_input("n", "21", double).is_ok());
        for (input, reason) in [
            ("-1", "invalid value: integer `-1`, expected u32 at line 1 column 2"),
            ("{\n\"n\": 1}", "invalid type: map, expected u32 at line 1 column 0"),
        ] {
            let refused = with_input("n", input, double).err().unwrap();
            assert_eq!(refused, format!("the input does not fit the parameter `n`: {reason}"));
        }
    }

    #[test]
    fn a_workflow_without_a_parameter_takes_nothing_but_null() {
        assert!(without_input("null", nothing).is_ok());
        for input in ["1", "{}", "[null]", "\"null\""] {
            let refused = without_input(input, nothing).err().unwrap();
            assert!(refused.starts_with("this workflow has no parameter"), "{input}: {refused}");
        }
    }
}
