#![allow(unused, reason = "only what the macros refuse is looked at")]

use segno::{StepError, steps};

#[steps]
mod none {
    pub async fn forgotten() {}
}

#[steps(timeout = "30s")]
mod options {
    #[segno::step]
    pub async fn step() -> Result<(), segno::StepError> {
        Ok(())
    }
}

#[steps]
pub async fn function() -> Result<(), StepError> {
    Ok(())
}

segno::export!();

fn main() {}
