#![allow(unused, reason = "only what the macros refuse is looked at")]

use segno::{StepError, step};

#[step]
pub fn not_async() -> Result<(), StepError> {
    Ok(())
}

struct Service;

impl Service {
    #[step]
    pub async fn method(&self) -> Result<(), StepError> {
        Ok(())
    }
}

#[step]
pub async fn generic<T>(input: T) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn any(input: impl Into<String>) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn pattern((a, b): (u32, u32)) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn borrowed_text(name: &str) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn borrowed_slice(ids: &[u32]) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn borrowed_value(id: &u32) -> Result<(), StepError> {
    Ok(())
}

#[step]
pub async fn no_result() -> Option<u32> {
    None
}

#[step]
pub async fn no_output() {}

type Short = Result<(), StepError>;

#[step]
pub async fn alias() -> Short {
    Ok(())
}

#[step]
pub const LIMIT: u32 = 1;

fn main() {}
