#![allow(unused, reason = "only what the macros refuse is looked at")]

#[segno::workflow]
pub async fn report() -> Result<(), segno::Error> {
    Ok(())
}

#[segno::workflow(name = "report")]
pub async fn other_report() -> Result<(), segno::Error> {
    Ok(())
}

segno::export!(report, other_report);

fn main() {}
