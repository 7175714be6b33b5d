//! Simulated hosts: what a run may rely on holds in random lives with crashes, and when the host
//! crashes or its disk fails at any point.

use segno_tests::simulation::Kind;

/// How many lives are lived: what the build machine has time for. The command `simulate` of this
/// package lives others.
const LIVES: u64 = 150;

#[test]
fn no_life_breaks_a_promise() {
    check(Kind::Lives, 0..LIVES);
}

#[test]
fn no_crash_breaks_a_promise_whatever_the_disk_keeps() {
    // At each point in two of the four ways: those that it has no time for are lived by the command.
    let now = |number: &u64| (number / 4 + number).is_multiple_of(2);
    check(Kind::Crashes, (0..Kind::Crashes.end()).filter(now));
}

#[test]
fn no_failure_of_the_disk_breaks_a_promise() {
    check(Kind::Refusals, 0..Kind::Refusals.end());
}

#[test]
fn the_same_number_gives_the_same_to_the_byte() {
    for (kind, numbers) in
        [(Kind::Lives, 1_000..1_005), (Kind::Crashes, 400..405), (Kind::Refusals, 100..102)]
    {
        let digest = |number| kind.simulate(number, &mut |_line| {});
        for number in numbers {
            assert_eq!(digest(number), digest(number), "{kind:?} {number}");
        }
    }
}

fn check(kind: Kind, numbers: impl Iterator<Item = u64> + Send) {
    if let Err(failures) = kind.simulate_all(numbers) {
        panic!("{failures}");
    }
}
