//! Lives of a host, each grown from a seed: random workflows, a world that does what it likes, a
//! scheduler that lets anything happen that can, and crashes. What must hold is looked at after each
//! thing that happens, and what must have come of it at the end.
//!
//! The same seed gives the same life, to the byte.

mod answers;
mod asked;
mod attributes;
mod batches;
mod batching;
mod cuts;
mod damage;
mod deleting;
mod deletions;
mod editions;
mod endings;
mod family;
mod forking;
mod forks;
mod hosts;
mod judge;
mod life;
mod lines;
mod model;
mod moves;
mod plans;
mod retries;
mod rows;
mod sagas;
mod saying;
mod steering;
mod story;
mod streams;
mod suspects;
mod talk;
mod tally;
mod tokens;
mod told;
mod turns;
mod witness;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::faulty::Kept;
use crate::simulation::life::Life;
pub use crate::simulation::sagas::cancelled;
pub use crate::simulation::tally::{Endings, Signals, Tally};

/// How much happens in a life before nothing new is asked of it.
const MOVES: usize = 400;

/// How often it crashes after that. Runs have become long then, and go on from images.
const CRASHES: usize = 3;

/// What can be simulated. Each has a number, and the same number is the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Random lives, by their seed.
    Lives,
    /// One story, in which the host crashes at each point in each way.
    Crashes,
    /// The same story, in which the disk refuses an operation.
    Refusals,
    /// A saga that is cancelled after each number of its turns, with a crash at each point until its end.
    Sagas,
}

impl Kind {
    /// How many there are, if they have an end.
    #[must_use]
    pub fn end(self) -> u64 {
        match self {
            Self::Lives => u64::MAX,
            Self::Crashes => story::crashes(),
            Self::Refusals => story::refusals(),
            Self::Sagas => sagas::crashes(),
        }
    }

    /// Simulates one; gives a digest of all that happened and of all that is left on disk, and what was
    /// counted. Each thing that happens is told as a line.
    ///
    /// # Panics
    ///
    /// Something did not hold.
    pub fn simulate(self, number: u64, tell: &mut dyn FnMut(&str)) -> (u64, Tally) {
        match self {
            Self::Lives => live(number, tell),
            Self::Crashes => story::crash(number, tell),
            Self::Refusals => story::refusal(number, tell),
            Self::Sagas => sagas::crash(number, tell),
        }
    }

    /// Simulates many, on all processors, and says of each that failed how to see it again.
    ///
    /// # Errors
    ///
    /// What failed, some lines each.
    pub fn simulate_all(self, numbers: impl Iterator<Item = u64> + Send) -> Result<Tally, String> {
        let numbers = Mutex::new(numbers);
        let next = || numbers.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let (mut tally, mut failures) = (Tally::default(), String::new());
            for outcome in std::iter::from_fn(next).map(|number| self.outcome(number)) {
                match outcome {
                    Ok(counted) => tally += counted,
                    Err(failure) => failures.extend([&*failure, "\n"]),
                }
            }
            (tally, failures)
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let (mut all, mut failures) = (Tally::default(), String::new());
            for thread in working {
                let (tally, failed) = thread.join().expect("a failure is caught");
                all += tally;
                failures += &failed;
            }
            if failures.is_empty() { Ok(all) } else { Err(failures) }
        })
    }

    /// What was counted in one; or how it failed, and how to see it again.
    fn outcome(self, number: u64) -> Result<Tally, String> {
        let simulated = catch_unwind(AssertUnwindSafe(|| self.simulate(number, &mut |_line| {})));
        simulated.map(|(_digest, tally)| tally).map_err(|panic| {
            let kind = format!("{self:?}").to_lowercase();
            let again = format!(
                "cargo run -p segno-tests --bin simulate -- {kind} --from {number} --seeds 1 --tell"
            );
            format!("{kind} {number}: {}\nto see it again: {again}", message(&*panic))
        })
    }
}

/// Lives the life of a seed.
fn live(seed: u64, tell: &mut dyn FnMut(&str)) -> (u64, Tally) {
    let mut life = Life::new(seed, tell);
    life.open(None);
    life.deploy();
    for _ in 0..MOVES {
        life.something();
    }
    life.crash(Kept::All, None);
    for _ in 0..CRASHES {
        life.go_on_for_a_while();
        life.crash(Kept::Nothing, None);
    }
    life.come_to_its_end();
    judge::judge(life)
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it did not say why")
}
