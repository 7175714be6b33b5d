//! Prints the structure of a checkout: `structure PATH`, or of the one that it was built from.
#![expect(clippy::print_stdout, reason = "it says what it found")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use segno_structure::{House, Sources, report};

fn main() -> ExitCode {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = std::env::args_os().nth(1).map_or_else(here, PathBuf::from);
    match Sources::read(&root).and_then(|sources| House::new(&sources)) {
        Ok(house) => {
            println!("{}", report(&house));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
