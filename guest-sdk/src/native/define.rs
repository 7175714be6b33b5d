//! What `#[step]` makes of a function: a step that a host can run.

use std::future::{Future, ready};

use futures::future::FutureExt as _;

use crate::call::StepDef;
use crate::native::arguments::Arguments;
use crate::native::policy::StepPolicy;
use crate::native::registry::Step;
use crate::step::StepError;

/// The step of a declaration and its body.
pub fn define<S, F>(
    policy: StepPolicy,
    body: impl Fn(Arguments) -> F + Send + Sync + 'static,
) -> Step
where
    S: StepDef,
    F: Future<Output = Result<String, StepError>> + Send + 'static,
{
    Step::new(S::NAME, policy, move |input| match Arguments::read(&input) {
        Ok(arguments) => body(arguments).left_future(),
        Err(error) => ready(Err(error)).right_future(),
    })
}
