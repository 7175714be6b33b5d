//! A second of malformed input for each that reads what others wrote, and all that was found before.

use std::time::Duration;

use segno_tests::fuzz::{self, Kind};

/// Beside the corpus itself, which is read whole.
const TIME: Duration = Duration::from_secs(1);

/// One after the other, since a panic of any thread counts against the one that reads.
#[test]
fn malformed_input_is_answered_or_refused_and_nothing_panics() {
    for kind in Kind::ALL {
        let seed = rand::random();
        let told = fuzz::run(kind, TIME, seed);
        let told = told.unwrap_or_else(|error| panic!("{kind:?} with the seed {seed}: {error:#}"));
        println!("{kind:?}: {told}");
    }
}
