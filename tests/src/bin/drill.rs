//! The host and the command line of the book: that of the first workflow and of a shop. By the name
//! `segno-of-last-week` it is an older binary, which had no step `notify`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let steps = hello::steps().iter().cloned().fold(orders::steps(), segno::Steps::with);
    let is_old = std::env::args().next().is_some_and(|name| name.ends_with("segno-of-last-week"));
    let had = steps.iter().filter(|step| !is_old || step.name != "notify").cloned();
    segno_host::main(had.fold(segno::Steps::new(), segno::Steps::with))
}
