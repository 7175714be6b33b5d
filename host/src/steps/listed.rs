//! Attempts that nobody makes: they are listed, and somebody says how each ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use segno_journal::RunId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::steps::{Attempted, Outcome, Running};

/// The attempts under way on a host that makes none itself. Cheap to clone.
#[derive(Clone)]
pub struct Listed {
    steps: Arc<segno::Steps>,
    permits: Arc<Semaphore>,
    in_flight: Arc<Mutex<Vec<Flight>>>,
}

struct Flight {
    attempted: Attempted,
    /// Its place among those that run at once, if it has begun.
    permit: Option<OwnedSemaphorePermit>,
    /// Its run is over, or the host goes down.
    told_to_stop: bool,
    ended: Box<dyn FnOnce(Attempted, Outcome, Running) + Send>,
}

impl Listed {
    /// A list for the steps of a host, at most `max_running` at once: of them, only their policies
    /// count.
    #[must_use]
    pub fn new(steps: segno::Steps, max_running: usize) -> Self {
        let permits = Arc::new(Semaphore::new(max_running.clamp(1, Semaphore::MAX_PERMITS)));
        Self { steps: Arc::new(steps), permits, in_flight: Arc::default() }
    }

    /// The attempts under way, oldest first. Those that wait for a place are not among them.
    #[must_use]
    pub fn in_flight(&self) -> Vec<Attempted> {
        let flights = self.begun();
        let begun = flights.iter().filter(|flight| flight.permit.is_some());
        begun.map(|flight| flight.attempted.clone()).collect()
    }

    /// An attempt ends so: the one at this place of the list, which is shorter then.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn end(&self, at: usize, outcome: Outcome) {
        let Flight { attempted, permit, told_to_stop, ended } = self.begun().remove(at);
        // As of a task that was told to stop: only what has succeeded counts, and what never began.
        if !told_to_stop || !matches!(outcome, Outcome::Failed(_)) {
            ended(attempted, outcome, Running::held(permit));
        }
    }

    pub(super) fn steps(&self) -> &segno::Steps {
        &self.steps
    }

    pub(super) fn start(
        &self,
        attempted: Attempted,
        ended: impl FnOnce(Attempted, Outcome, Running) + Send + 'static,
    ) {
        let flight = Flight { attempted, permit: None, told_to_stop: false, ended: Box::new(ended) };
        self.lock().push(flight);
    }

    pub(super) fn cancel_run(&self, run: RunId) {
        let mut flights = self.begun();
        // What waits for a place does not begin.
        flights.retain(|flight| flight.attempted.run != run || flight.permit.is_some());
        flights.iter_mut().filter(|flight| flight.attempted.run == run).for_each(Flight::tell_to_stop);
    }

    /// Holds back what waits for a place.
    pub fn hold_back(&self) {
        let waiting: Vec<_> = self.begun().extract_if(.., |flight| flight.permit.is_none()).collect();
        for Flight { attempted, ended, .. } in waiting {
            ended(attempted, Outcome::NeverBegan, Running::default());
        }
    }

    /// Holds back what has not begun, and tells the rest to stop.
    pub(super) fn drain(&self) {
        self.hold_back();
        self.lock().iter_mut().for_each(Flight::tell_to_stop);
    }

    /// All that is listed: what has a place by now first, in order, and then what waits for one.
    fn begun(&self) -> MutexGuard<'_, Vec<Flight>> {
        let mut flights = self.lock();
        for flight in flights.iter_mut().filter(|flight| flight.permit.is_none()) {
            flight.permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        }
        flights
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Flight>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn tell_to_stop(&mut self) {
        self.told_to_stop = true;
    }
}
