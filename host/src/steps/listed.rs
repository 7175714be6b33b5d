//! Attempts that nobody makes: they are listed, and somebody says how each ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use segno_journal::RunId;

use crate::steps::{Attempted, Outcome, Running};

/// The attempts under way on a host that makes none itself. Cheap to clone.
#[derive(Clone)]
pub struct Listed {
    steps: Arc<segno::Steps>,
    in_flight: Arc<Mutex<Vec<Flight>>>,
}

struct Flight {
    attempted: Attempted,
    /// Its run is over, or the host goes down.
    told_to_stop: bool,
    ended: Box<dyn FnOnce(Attempted, Outcome, Running) + Send>,
}

impl Listed {
    /// A list for the steps of a host: of them, only their policies count.
    #[must_use]
    pub fn new(steps: segno::Steps) -> Self {
        Self { steps: Arc::new(steps), in_flight: Arc::default() }
    }

    /// The attempts under way, oldest first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<Attempted> {
        self.lock().iter().map(|flight| flight.attempted.clone()).collect()
    }

    /// An attempt ends so: the one at this place of the list, which is shorter then.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn end(&self, at: usize, outcome: Outcome) {
        let Flight { attempted, told_to_stop, ended } = self.lock().remove(at);
        // As of a task that was told to stop: only what has succeeded counts, and what never began.
        if !told_to_stop || !matches!(outcome, Outcome::Failed(_)) {
            ended(attempted, outcome, Running::default());
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
        self.lock().push(Flight { attempted, told_to_stop: false, ended: Box::new(ended) });
    }

    pub(super) fn cancel_run(&self, run: RunId) {
        let mut flights = self.lock();
        flights.iter_mut().filter(|flight| flight.attempted.run == run).for_each(Flight::tell_to_stop);
    }

    /// Tells all to stop.
    pub(super) fn drain(&self) {
        self.lock().iter_mut().for_each(Flight::tell_to_stop);
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
