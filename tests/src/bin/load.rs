//! More work than a host can do, against the real binary: `cargo run -p segno-tests --bin load -- --for 60s`.
//!
//! It starts itself a second time as the host (`load serve …` is the command line of a host with the
//! steps of `guest-basics`), comes to its doors with a crowd, and says at the end whether all that
//! was acknowledged is on disk, and nothing that was refused.
#![expect(clippy::print_stdout, reason = "it tells what it saw")]

use std::process::ExitCode;

use clap::Parser;
use segno_tests::load::{self, Options};

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|verb| ["serve", "compile-component"].contains(&&*verb))
    {
        return segno_host::main(guest_basics::steps());
    }
    // Each caller has a connection of its own.
    let _connections = segno_host::doors::connections();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(load::run(Options::parse())))
    {
        Ok(()) => {
            println!("all that was acknowledged is stored and done, and nothing that was refused");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
