#![allow(unused, reason = "only what the macros refuse is looked at")]

use segno::{StepError, step};

#[step(retries = 5)]
pub async fn unknown() -> Result<(), StepError> {
    Ok(())
}

#[step(max_retries = "5")]
pub async fn retries_as_text() -> Result<(), StepError> {
    Ok(())
}

#[step(max_retries = -1)]
pub async fn retries_below_zero() -> Result<(), StepError> {
    Ok(())
}

#[step(max_retries = 5, max_retries = 6)]
pub async fn twice() -> Result<(), StepError> {
    Ok(())
}

#[step(max_retries)]
pub async fn no_value() -> Result<(), StepError> {
    Ok(())
}

#[step(timeout = 30)]
pub async fn timeout_as_number() -> Result<(), StepError> {
    Ok(())
}

#[step(backoff = "1s")]
pub async fn backoff_as_text() -> Result<(), StepError> {
    Ok(())
}

#[step(backoff(base = "1s"))]
pub async fn unknown_in_backoff() -> Result<(), StepError> {
    Ok(())
}

#[step(backoff(factor = 0.5))]
pub async fn factor_below_one() -> Result<(), StepError> {
    Ok(())
}

#[step(backoff(jitter = 20))]
pub async fn jitter_above_one() -> Result<(), StepError> {
    Ok(())
}

#[step(retry_for = 7200)]
pub async fn time_as_number() -> Result<(), StepError> {
    Ok(())
}

fn main() {}
