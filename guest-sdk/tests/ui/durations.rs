#![allow(unused, reason = "only what the macros refuse is looked at")]

use segno::{StepError, step};

#[step(timeout = "1 month")]
pub async fn months() -> Result<(), StepError> {
    Ok(())
}

#[step(backoff(initial = "-1s", max = "1h30m"))]
pub async fn negative() -> Result<(), StepError> {
    Ok(())
}

fn main() {}
