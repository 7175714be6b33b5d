//! The stock binary with the steps of `guest-basics`: the host that the tests of the command line run.

use std::process::ExitCode;

fn main() -> ExitCode {
    segno_host::main(guest_basics::steps())
}
