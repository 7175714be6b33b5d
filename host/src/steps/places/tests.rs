use std::sync::mpsc::{Receiver, channel};

use segno_journal::Timestamp;

use super::*;

/// Who asked, in the order in which they got a place.
struct Hall {
    places: Places,
    granted: Receiver<(u8, Place)>,
    grants: std::sync::mpsc::Sender<(u8, Place)>,
}

impl Hall {
    fn new(max: usize) -> Self {
        let (grants, granted) = channel();
        Self { places: Places::new(max), granted, grants }
    }

    /// A run of a workflow asks for some places.
    fn ask(&self, workflow: &str, run: u8, times: usize) {
        (0..times).for_each(|_| self.ask_as(workflow, run, None));
    }

    fn ask_as(&self, workflow: &str, run: u8, suspect: Option<u32>) {
        let claim = Claim {
            run: RunId::from_parts(Timestamp(0), run.into()),
            workflow: workflow.into(),
            suspect,
        };
        let grants = self.grants.clone();
        self.places.ask(claim, move |place| {
            if let Some(place) = place {
                // At the end of a test nobody listens, and places are given back.
                let _gone = grants.send((run, place));
            }
        });
    }

    /// Those that got places since, with them.
    fn granted(&self) -> (Vec<u8>, Vec<Place>) {
        self.granted.try_iter().unzip()
    }
}

#[test]
fn nobody_gets_a_place_while_they_are_held_and_all_have_their_turns_then() {
    let hall = Hall::new(2);
    hall.ask("before", 1, 1);
    hall.places.hold(true);
    let (first, place) = hall.granted();
    assert_eq!(first, [1]);
    hall.ask("meanwhile", 2, 1);
    hall.ask_as("suspect", 3, Some(2));
    let claim = Claim {
        run: RunId::from_parts(Timestamp(0), 4),
        workflow: "at once".into(),
        suspect: None,
    };
    assert!(hall.places.take(&claim).is_none());
    drop(place);
    hall.places.give_out();
    assert!(hall.granted().0.is_empty(), "what is free stays free");
    hall.places.hold(false);
    hall.places.give_out();
    let (mut all, _places) = hall.granted();
    all.sort_unstable();
    assert_eq!(all, [2, 3]);
}

#[test]
fn a_run_with_a_thousand_steps_lets_the_next_one_have_its_turn() {
    let hall = Hall::new(1);
    hall.ask("hog", 1, 1_000);
    let (first, mut place) = hall.granted();
    assert_eq!(first, [1]);
    hall.ask("other", 2, 1);
    hall.ask("hog", 3, 1);
    let mut order = Vec::new();
    for _ in 0..4 {
        drop(place);
        let (granted, places) = hall.granted();
        (order, place) = ([order, granted].concat(), places);
    }
    assert_eq!(order, [1, 2, 3, 1], "workflows take turns, and the runs of each");
}

#[test]
fn steps_that_hang_leave_room_for_others_however_many_there_are() {
    let hall = Hall::new(1_000);
    for run in 0..26 {
        hall.ask("hog", run, 1_000);
    }
    let (_, hanging) = hall.granted();
    assert_eq!(hanging.len(), 750, "one workflow takes three quarters");
    hall.ask("other", 100, 1);
    assert_eq!(hall.granted().0, [100]);
}

#[test]
fn a_run_that_is_alone_takes_half() {
    let hall = Hall::new(10);
    hall.ask("alone", 1, 100);
    assert_eq!(hall.granted().1.len(), 5);
}

#[test]
fn suspects_begin_one_by_one_and_more_at_once_while_the_host_lives() {
    let hall = Hall::new(100);
    for run in 0..10 {
        hall.ask_as("suspects", run, Some(3));
    }
    hall.ask_as("suspects", 10, Some(7));
    hall.ask("innocent", 20, 1);
    let (first, places) = hall.granted();
    assert_eq!(first, [0, 20], "one suspect, and whoever is none");
    drop(places);
    let (second, places) = hall.granted();
    assert_eq!(second, [1, 2]);
    drop(places);
    let (third, mut places) = hall.granted();
    assert_eq!(third, [3, 4, 5, 6]);
    places.iter_mut().for_each(Place::clear);
    assert_eq!(hall.granted().0, [7, 8, 9, 10], "the most suspect comes last");
}

#[test]
fn a_run_that_is_over_gets_no_place_and_neither_does_anybody_at_the_end() {
    let hall = Hall::new(1);
    hall.ask("a", 1, 2);
    let (_, place) = hall.granted();
    hall.places.forget(RunId::from_parts(Timestamp(0), 1));
    hall.ask("a", 2, 1);
    drop(place);
    let (next, place) = hall.granted();
    assert_eq!(next, [2]);
    hall.ask("a", 3, 1);
    hall.places.close();
    hall.ask("a", 4, 1);
    drop(place);
    assert!(hall.granted().0.is_empty());
    assert_eq!(hall.places.taken(), 0);
}

#[test]
fn thousands_that_do_not_want_their_place_any_more_are_no_trouble() {
    let hall = Hall::new(1);
    hall.ask("a", 1, 1);
    let (_, place) = hall.granted();
    for run in 0..200_000_u64 {
        let run = RunId::from_parts(Timestamp(0), run.into());
        // As of an attempt that was told to stop before it asked.
        hall.places.ask(Claim { run, workflow: "b".into(), suspect: None }, drop);
    }
    hall.ask("c", 2, 1);
    drop(place);
    let (granted, place) = hall.granted();
    assert_eq!(granted, [2]);
    drop(place);
    assert_eq!(hall.places.taken(), 0, "all was given back");
}
