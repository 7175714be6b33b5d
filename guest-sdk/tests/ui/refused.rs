#![allow(unused, reason = "only what the macros refuse is looked at")]

// What is refused is refused once: the lists that name it have nothing to add.

#[segno::workflow]
pub fn not_async() -> Result<(), segno::Error> {
    Ok(())
}

#[segno::workflow]
pub async fn two(a: u32, b: u32) -> Result<(), segno::Error> {
    Ok(())
}

#[segno::workflow(name = "orders/new")]
pub async fn no_url() -> Result<(), segno::Error> {
    Ok(())
}

#[segno::step(retries = 5)]
pub async fn unknown_option() -> Result<(), segno::StepError> {
    Ok(())
}

segno::export!(not_async, two, no_url);
segno::register!(unknown_option);

fn main() {}
