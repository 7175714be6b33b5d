#![allow(unused, reason = "only what the macros refuse is looked at")]

use segno::{Error, workflow};

#[workflow]
pub fn not_async() -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async fn generic<T>(input: T) -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async fn two(a: u32, b: u32) -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async fn no_result() -> u32 {
    1
}

#[workflow]
pub async fn no_output() {}

#[workflow]
pub async fn pattern((a, b): (u32, u32)) -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async fn borrowed(name: &str) -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub unsafe extern "C" fn exported() -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async unsafe fn not_safe() -> Result<(), Error> {
    Ok(())
}

#[workflow(timeout = "1s")]
pub async fn unknown_option() -> Result<(), Error> {
    Ok(())
}

#[workflow(name = "two words")]
pub async fn bad_name() -> Result<(), Error> {
    Ok(())
}

#[workflow(name = "50%")]
pub async fn percent() -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub async fn a_name_of_more_than_a_hundred_and_twenty_eight_bytes_is_longer_than_what_a_host_takes_for_the_name_of_a_workflow_that_is_so()
-> Result<(), Error> {
    Ok(())
}

#[workflow(name = 7)]
pub async fn name_is_no_text() -> Result<(), Error> {
    Ok(())
}

#[workflow]
pub struct NotAFunction;

fn main() {}
