#![allow(unused, reason = "only what the macros refuse is looked at")]

async fn not_a_workflow() {}

#[segno::step]
pub async fn a_step() -> Result<(), segno::StepError> {
    Ok(())
}

struct Neither;

segno::export!(a_step);
segno::register!(Neither);

mod missing {
    segno::export!(super::not_a_workflow);
}

fn main() {}
