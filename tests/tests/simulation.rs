//! Simulated hosts: what a run may rely on holds in random lives with crashes, and when the host
//! crashes or its disk fails at any point.

use std::sync::OnceLock;

use segno_tests::simulation::{Endings, Kind, Signals, Tally, cancelled};

/// How many lives are lived: what the build machine has time for. The command `simulate` of this
/// package lives others.
const LIVES: u64 = 150;

/// Over how many kills signals are counted at least.
const KILLS: u64 = 1_000;

/// The lives are lived once, whoever looks at what came of them.
fn lives() -> Tally {
    static LIVED: OnceLock<Result<Tally, String>> = OnceLock::new();
    let lived = LIVED.get_or_init(|| Kind::Lives.simulate_all(0..LIVES));
    lived.clone().unwrap_or_else(|failures| panic!("{failures}"))
}

#[test]
fn no_life_breaks_a_promise() {
    assert_eq!(lives().lives, LIVES);
}

#[test]
fn a_signal_that_is_acknowledged_is_delivered_once_over_a_thousand_kills() {
    let Tally { kills, signals: Signals { delivered, missed, owed_at_kills }, .. } = lives();
    assert!(kills >= KILLS, "hosts went down {kills} times only");
    // That none comes twice, and none is missed whose run goes on, is looked at after each thing that happens.
    assert!(delivered >= 500, "{delivered} signals were delivered, and {missed} were not");
    assert!(
        missed < delivered / 5,
        "{missed} came behind the end of their run, and {delivered} did not"
    );
    assert!(owed_at_kills >= 50, "{owed_at_kills} times a signal was under way at a kill");
}

#[test]
fn what_runs_registered_is_undone_once_when_they_fail_or_are_cancelled() {
    let Endings { told, late, undone } = lives().endings;
    // That each is undone last first and once, and all of it, is looked at where a life is judged.
    assert!(told >= 20, "{told} runs were told to end");
    assert!((1..told).contains(&late), "{late} of {told} did not clean up in time");
    assert!(undone >= 20, "{undone} compensations ran");
}

#[test]
fn a_saga_is_undone_wherever_it_is_cancelled_and_wherever_the_host_crashes_then() {
    // That each is undone last first and once, and all of it, is looked at where each ends.
    let all = Kind::Sagas.simulate_all(0..Kind::Sagas.end());
    let Tally { lives, endings: Endings { told, undone, .. }, .. } =
        all.unwrap_or_else(|failures| panic!("{failures}"));
    assert!(cancelled() >= 8, "it is cancelled after {} numbers of turns only", cancelled());
    assert_eq!(lives, Kind::Sagas.end());
    assert!(told > lives / 4 && undone > lives, "{told} of {lives} were told, {undone} undone");
}

#[test]
fn failed_runs_go_on_from_where_they_failed_and_nothing_that_came_to_them_is_lost() {
    // That what is set aside is what they had, and that it comes again, is looked at after each thing that happens.
    let Tally { retries, .. } = lives();
    assert!(retries >= 10, "failed runs were tried again {retries} times");
}

#[test]
fn forks_have_what_the_runs_had_that_they_left_and_go_on_by_themselves() {
    // That they have the same turns, and are replayed as the runs that they were, is looked at where a life is judged.
    let Tally { forks, .. } = lives();
    assert!(forks >= 30, "{forks} runs were forks");
}

#[test]
fn a_batch_is_stored_whole_or_not_at_all() {
    // That it is so is looked at after each thing that happens.
    let Tally { batches, deletions, .. } = lives();
    assert!(deletions >= 50, "{deletions} runs were deleted");
    assert!(batches >= 150, "{batches} batches were stored");
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
        let lived = |number| kind.simulate(number, &mut |_line| {});
        for number in numbers {
            assert_eq!(lived(number), lived(number), "{kind:?} {number}");
        }
    }
}

fn check(kind: Kind, numbers: impl Iterator<Item = u64> + Send) {
    if let Err(failures) = kind.simulate_all(numbers) {
        panic!("{failures}");
    }
}
