//! Who in the world waits for a run: callers of its webhooks, and clients that wait for its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::{Event, Response, RunId};
use tokio::sync::{Semaphore, oneshot};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Answered, Place, Then};

/// How many callers may wait before it is worth to look for those that gave up.
const MIN_SWEEP: usize = 64;

/// The waiting callers and clients. They wait in this process: a crash ends their connections.
pub(crate) struct Waiters {
    requests: Mutex<Requests>,
    ends: Mutex<Ends>,
    /// The places of those who wait for an answer, and of those who wait for an end: who calls
    /// webhooks must not keep out who runs the host.
    answer_places: Arc<Semaphore>,
    end_places: Arc<Semaphore>,
}

#[derive(Default)]
struct Requests {
    /// By the number of the request or the signal. A signal that is sent again has several who wait.
    waiting: BTreeMap<(RunId, u64), Vec<oneshot::Sender<Answered>>>,
    /// How many may wait before those that gave up are let go.
    sweep_at: usize,
    /// The host stops: who comes now is let go at once.
    closed: bool,
}

#[derive(Default)]
struct Ends {
    waiting: BTreeMap<RunId, Vec<oneshot::Sender<()>>>,
    /// How many came since the last sweep, and those that it left.
    count: usize,
    sweep_at: usize,
    /// The host stops: who comes now is let go at once.
    closed: bool,
}

impl Ends {
    /// Lets those go that gave up, and the runs that nobody waits for.
    fn sweep(&mut self) {
        self.waiting.retain(|_, clients| {
            clients.retain(|client| !client.is_closed());
            !clients.is_empty()
        });
        self.count = self.waiting.values().map(Vec::len).sum();
        self.sweep_at = 2 * self.count + MIN_SWEEP;
    }
}

impl Waiters {
    /// Room for so many who wait for an answer, and as many who wait for an end.
    pub(crate) fn new(max_waiting: usize) -> Self {
        let places = || Arc::new(Semaphore::new(max_waiting.min(Semaphore::MAX_PERMITS)));
        Self {
            requests: Mutex::default(),
            ends: Mutex::default(),
            answer_places: places(),
            end_places: places(),
        }
    }

    /// A place to wait for an answer.
    pub(crate) fn place_for_answer(&self) -> Result<Place, EngineError> {
        take(&self.answer_places)
    }

    /// A place to wait for the end of a run.
    pub(crate) fn place_for_end(&self) -> Result<Place, EngineError> {
        take(&self.end_places)
    }

    /// Where a turn brings a run a request whose caller waits for the workflow's answer, that answer goes
    /// to it from now on. Before the effects of the turn are let out: it may be among them.
    #[must_use]
    pub(super) fn expect_answer(&self, run: RunId, event: &Event, then: Then) -> Then {
        let Some(number) = event.number() else { return then };
        match then {
            Then::Answer { caller, place: Some(place), .. } => {
                let heard = self.expect_response(run, number);
                Then::AnswerLater { caller, heard, place }
            }
            Then::Nothing
            | Then::Tell(_)
            | Then::Batch(..)
            | Then::Report(_)
            | Then::Answer { place: None, .. }
            | Then::AnswerLater { .. } => then,
        }
    }

    /// Somebody waits for the answer to a request or a signal, which will come through this.
    fn expect_response(&self, run: RunId, number: u64) -> oneshot::Receiver<Answered> {
        let (caller, heard) = oneshot::channel();
        let mut requests = self.requests.lock();
        if requests.closed {
            return heard;
        }
        let callers = requests.waiting.entry((run, number)).or_default();
        callers.retain(|caller| !caller.is_closed());
        callers.push(caller);
        // Waiters gave up without a word; the sweep doubles its distance, so it costs each caller
        // a constant.
        if requests.waiting.len() > requests.sweep_at {
            requests.waiting.retain(|_, callers| {
                callers.retain(|caller| !caller.is_closed());
                !callers.is_empty()
            });
            requests.sweep_at = 2 * requests.waiting.len() + MIN_SWEEP;
        }
        heard
    }

    /// Somebody else waits for the answer to a signal that has come already.
    pub(crate) fn expect_same_answer(
        &self,
        run: RunId,
        number: u64,
    ) -> oneshot::Receiver<Answered> {
        self.expect_response(run, number)
    }

    /// The first answer to a request or a signal goes to those who still wait for it.
    pub(super) fn respond(&self, run: RunId, number: u64, response: Response) {
        let callers = self.requests.lock().waiting.remove(&(run, number));
        for caller in callers.into_iter().flatten() {
            // A caller that has gone in this moment needs no answer.
            let _gone = caller.send(Ok(response.clone()));
        }
    }

    /// A client wants to hear when the run has ended or is blocked.
    pub(crate) fn expect_end(&self, run: RunId) -> oneshot::Receiver<()> {
        let (client, heard) = oneshot::channel();
        let mut ends = self.ends.lock();
        if ends.closed {
            return heard;
        }
        ends.waiting.entry(run).or_default().push(client);
        ends.count += 1;
        if ends.count > ends.sweep_at {
            ends.sweep();
        }
        heard
    }

    /// Tells who waits for the run that it has ended or is blocked. Waiters whose request nobody
    /// answered yet are told nothing: a blocked run may go on, and else their time-out answers them.
    pub(super) fn end(&self, run: RunId) {
        for client in self.ends.lock().waiting.remove(&run).into_iter().flatten() {
            let _gone = client.send(());
        }
    }

    /// Lets everybody go, and who comes later: the host stops.
    pub(crate) fn let_all_go(&self) {
        let mut requests = self.requests.lock();
        let mut ends = self.ends.lock();
        (requests.closed, ends.closed) = (true, true);
        requests.waiting.clear();
        ends.waiting.clear();
    }

    /// Tells the callers of an ended run that nobody will answer them.
    pub(super) fn let_go(&self, run: RunId) {
        let mut requests = self.requests.lock();
        let keys: Vec<_> =
            requests.waiting.range((run, 0)..=(run, u64::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            for caller in requests.waiting.remove(&key).into_iter().flatten() {
                // A caller that has gone in this moment need not know.
                let _gone = caller.send(Err(EngineError::InboxClosed));
            }
        }
    }
}

fn take(places: &Arc<Semaphore>) -> Result<Place, EngineError> {
    Arc::clone(places).try_acquire_owned().map(Place::of).map_err(|_| EngineError::NoRoomToWait)
}
