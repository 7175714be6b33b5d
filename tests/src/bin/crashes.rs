//! A host that is killed again and again: `cargo run --release -p segno-tests --bin crashes -- --kills 300`.
//!
//! It starts itself a second time as the host. It kills that from outside while 1,000 steps run;
//! with `--killer`, a step then kills it from inside, among others that do no harm.
#![expect(clippy::print_stdout, reason = "it tells what it saw")]

use std::process::ExitCode;

use clap::Parser;
use segno_tests::crashes::{self, Options};

/// How many runs there are beside the one whose step kills the host.
const NEIGHBOURS: usize = 20;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|verb| ["serve", "compile-component"].contains(&&*verb))
    {
        return segno_host::main(guest_basics::steps());
    }
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let tried = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            println!("{}", crashes::from_outside(&options).await?);
            if options.killer {
                println!("{}", crashes::from_inside(NEIGHBOURS).await?);
            }
            anyhow::Ok(())
        })
    });
    match tried {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
