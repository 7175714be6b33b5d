//! Attempts that nobody makes: they are listed, and somebody says how each ends.

use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::{Op, RunId};

use crate::steps::attempt::{Go, Hearers, Outcome, Running, StepAttempt};
use crate::steps::places::{Place, Places};
use crate::steps::streams::{Piece, Refused, Written};

/// The attempts under way on a host that makes none itself. Cheap to clone.
#[derive(Clone)]
pub struct SimulatedSteps {
    steps: Arc<segno::Steps>,
    places: Places,
    flights: Arc<Mutex<Flights>>,
}

#[derive(Default)]
struct Flights {
    /// How many there were.
    started: u64,
    /// In the order in which they were started.
    list: Vec<Flight>,
}

struct Flight {
    number: u64,
    attempt: StepAttempt,
    /// Its place among those that run at once, if it has one.
    place: Option<Place>,
    has_begun: bool,
    /// Its run is over, or the host goes down.
    told_to_stop: bool,
    hearers: Hearers,
}

impl SimulatedSteps {
    /// A list for the steps of a host, at most `max_running` at once: of them, only their policies
    /// count.
    #[must_use]
    pub fn new(steps: segno::Steps, max_running: usize) -> Self {
        Self { steps: Arc::new(steps), places: Places::new(max_running), flights: Arc::default() }
    }

    /// The attempts under way, oldest first. Those that have not begun are not among them.
    #[must_use]
    pub fn in_flight(&self) -> Vec<StepAttempt> {
        let flights = self.flights.lock();
        flights
            .list
            .iter()
            .filter(|flight| flight.has_begun)
            .map(|flight| flight.attempt.clone())
            .collect()
    }

    /// An attempt ends so: the one at this place of the list, which is shorter then.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn end(&self, at: usize, outcome: Outcome) {
        let Flight { attempt, place, told_to_stop, hearers, .. } = {
            let list = &mut self.flights.lock().list;
            let begun = list.iter().enumerate().filter(|(_, flight)| flight.has_begun);
            let at =
                begun.map(|(at, _)| at).nth(at).expect("the caller names an attempt of the list");
            list.remove(at)
        };
        // As of a task that was told to stop: only what has succeeded counts, and what never began.
        if !told_to_stop || !matches!(outcome, Outcome::Failed(_)) {
            (hearers.ended)(attempt, outcome, Running::held(place));
        }
    }

    /// An attempt writes to the streams of its run: the one at this place of the list. `landed` is told of the
    /// streams that took nothing, once the rest is on disk; else it is dropped.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn write(
        &self,
        at: usize,
        pieces: Vec<Piece>,
        landed: impl FnOnce(Refused) + Send + 'static,
    ) {
        let flights = self.flights.lock();
        let flight = flights.list.iter().filter(|flight| flight.has_begun).nth(at);
        let written = Written::new(move |told| told.map(landed).unwrap_or_default());
        (flight.expect("the caller names an attempt of the list").hearers.writes)(pieces, written);
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    pub(super) fn steps(&self) -> &segno::Steps {
        &self.steps
    }

    pub(super) fn start(&self, attempt: StepAttempt, hearers: Hearers) {
        let claim = attempt.claim();
        let number = {
            let mut flights = self.flights.lock();
            flights.started += 1;
            let number = flights.started;
            let (place, has_begun, told_to_stop) = (None, false, false);
            flights.list.push(Flight { number, attempt, place, has_begun, told_to_stop, hearers });
            number
        };
        let listed = self.clone();
        self.places.ask(claim, move |place| listed.granted(number, place));
    }

    /// An attempt has its place, and begins as soon as it may; or it will never have one.
    fn granted(&self, number: u64, place: Option<Place>) {
        let mut flights = self.flights.lock();
        let Some(at) = flights.list.iter().position(|flight| flight.number == number) else {
            return;
        };
        if place.is_none() {
            let Flight { attempt, hearers, .. } = flights.list.remove(at);
            drop(flights);
            return (hearers.ended)(attempt, Outcome::NeverBegan, Running::default());
        }
        let flight = &mut flights.list[at];
        flight.place = place;
        match flight.hearers.begins.take() {
            None => flight.has_begun = true,
            Some(begins) => {
                drop(flights);
                let listed = self.clone();
                begins(Go::new(move || listed.begin(number)));
            }
        }
    }

    fn begin(&self, number: u64) {
        if let Some(flight) =
            self.flights.lock().list.iter_mut().find(|flight| flight.number == number)
        {
            flight.has_begun = true;
        }
    }

    pub(super) fn cancel_run(&self, run: RunId) {
        self.places.forget(run);
        self.tell_to_stop(|attempt| attempt.run == run);
    }

    pub(super) fn cancel(&self, run: RunId, op: Op) {
        self.tell_to_stop(|attempt| (attempt.run, attempt.op) == (run, op));
    }

    fn tell_to_stop(&self, is_it: impl Fn(&StepAttempt) -> bool) {
        let never_began: Vec<_> = {
            let list = &mut self.flights.lock().list;
            list.iter_mut().filter(|flight| is_it(&flight.attempt)).for_each(Flight::tell_to_stop);
            list.extract_if(.., |flight| is_it(&flight.attempt) && !flight.has_begun).collect()
        };
        // Their places are given back when nothing is locked.
        drop(never_began);
    }

    /// Holds back what has not begun.
    pub fn hold_back(&self) {
        self.places.close();
        let never_began: Vec<_> =
            self.flights.lock().list.extract_if(.., |flight| !flight.has_begun).collect();
        drop(never_began);
    }

    /// Holds back what has not begun, and tells the rest to stop.
    pub(super) fn drain(&self) {
        self.hold_back();
        self.flights.lock().list.iter_mut().for_each(Flight::tell_to_stop);
    }
}

impl Flight {
    fn tell_to_stop(&mut self) {
        self.told_to_stop = true;
    }
}
