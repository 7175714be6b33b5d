//! The stock binary: a host with no steps but the built-in ones.

use std::process::ExitCode;

fn main() -> ExitCode {
    segno_host::main(segno::Steps::new())
}
