//! Malformed input, for as long as one likes: `cargo run -p segno-tests --bin fuzz -- records --for 5m`.
#![expect(clippy::print_stdout, reason = "it tells what it did")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use segno_tests::fuzz::{self, Kind};

/// Gives mutated input to what reads it: an answer or an error is fine, a panic or a hang is not
#[derive(Debug, Parser)]
struct Arguments {
    /// What is to read; all of them, one after the other, where none is named
    kinds: Vec<Kind>,

    /// How long each of them reads
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = segno_host::doors::parse_duration)]
    time: Duration,

    /// What the mutations follow from; the same number gives the same ones [default: another each time]
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let Arguments { kinds, time, seed } = Arguments::parse();
    let kinds = if kinds.is_empty() { Kind::ALL.to_vec() } else { kinds };
    let seed = seed.unwrap_or_else(rand::random);
    for kind in kinds {
        match fuzz::run(kind, time, seed) {
            Ok(told) => println!("{kind:?}: {told} (--seed {seed})"),
            Err(error) => {
                println!("{kind:?} failed (--seed {seed}): {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
