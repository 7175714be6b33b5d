//! Simulates as many hosts as one likes.
//!
//! `cargo run -p segno-tests --bin simulate -- --seeds 10000 --from 0`. What
//! fails says how it can be seen again.
#![expect(clippy::print_stdout, reason = "it says what it found")]

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use segno_tests::simulation::{Endings, Kind, Signals, Tally};

/// Simulates hosts: what happens in each follows from its number alone.
#[derive(Parser)]
struct Arguments {
    /// What: random lives, one story that crashes or whose disk fails at each of its points, or a saga that is cancelled
    /// after each number of its turns.
    #[arg(value_enum, default_value_t = What::Lives)]
    what: What,
    /// How many; of a story, all that there are where nothing is said.
    #[arg(long)]
    seeds: Option<u64>,
    /// The number of the first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Tells what happens in each.
    #[arg(long)]
    tell: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Lives,
    Crashes,
    Refusals,
    Sagas,
}

/// How many lives, where nothing is said.
const LIVES: u64 = 1_000;

fn main() -> ExitCode {
    let Arguments { what, seeds, from, tell } = Arguments::parse();
    let (kind, many) = match what {
        What::Lives => (Kind::Lives, LIVES),
        What::Crashes => (Kind::Crashes, u64::MAX),
        What::Refusals => (Kind::Refusals, u64::MAX),
        What::Sagas => (Kind::Sagas, u64::MAX),
    };
    let all = from..from.saturating_add(seeds.unwrap_or(many)).min(kind.end());
    if tell {
        for number in all {
            let (digest, _tally) = kind.simulate(number, &mut |line| println!("{line}"));
            println!("number {number}: {digest:016x}");
        }
        return ExitCode::SUCCESS;
    }
    match kind.simulate_all(all) {
        Ok(Tally {
            lives,
            kills,
            batches,
            deletions,
            signals: Signals { delivered, missed, owed_at_kills },
            endings: Endings { told, late, undone },
            retries,
            forks,
        }) => {
            println!(
                "{lives} kept every promise, over {kills} kills; {batches} batches were stored, {deletions} runs deleted"
            );
            println!(
                "of the signals that were acknowledged {delivered} were delivered, each once, and {missed} came \
                 behind the end of their run; {owed_at_kills} times one was under way at a kill"
            );
            println!(
                "{told} runs were told to end, and {late} of them did not clean up in time; {undone} compensations ran, \
                 each once; failed runs were tried again {retries} times; {forks} runs were forks"
            );
            ExitCode::SUCCESS
        }
        Err(failures) => {
            println!("{failures}");
            ExitCode::FAILURE
        }
    }
}
