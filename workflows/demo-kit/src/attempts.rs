//! Attempts of steps without a host, for tests.

use std::sync::Arc;

use segno::native::{CancellationToken, StepContext, StepInfo};
use segno::{StepError, Steps};
use serde_json::Value;

/// Which attempt it is: of the step that this operation of a run has asked for, from 1.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The number of the operation.
    pub operation: u64,
    /// The number of the attempt.
    pub number: u32,
}

/// Makes one attempt of a step, as a host does.
///
/// # Errors
/// As the step.
pub async fn attempt(
    steps: &Steps,
    step: &str,
    Attempt { operation, number }: Attempt,
    input: Value,
) -> Result<String, StepError> {
    let step_of = steps.get(step).ok_or_else(|| StepError::fatal(format!("no step `{step}`")))?;
    let info = StepInfo {
        run_id: "run_1".to_owned(),
        operation,
        attempt: number,
        ..StepInfo::detached(step)
    };
    let context = StepContext::new(info, CancellationToken::new(), Arc::new(|_, _| {}));
    context.scope(step_of.run(input.to_string())).await
}
