//! The places of attempts that run at once, and who gets the next one.
//!
//! Workflows take turns, and so do the runs of each. Nobody takes the last places: a run gets another
//! one only while it holds fewer than are free, and all runs of a workflow together while they hold
//! fewer than [`WORKFLOW_SHARE`] times as many. So a run whose steps hang for a day leaves room for all
//! others, however many like it there are, and one that is alone gets half of all.
//!
//! A suspect, a step that ran when the host went down again and again, waits in a line of its own.
//! At first one of them runs; with each that ends, or has run for a while, and the host lives, there
//! is room for one more. So the one that takes the host with it takes few of the others along.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::RunId;

/// How many places the runs of a workflow may hold for each one that is free: three quarters of all,
/// where the workflow is alone.
const WORKFLOW_SHARE: usize = 3;

/// Who wants a place.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<str>,
    /// How often the host went down while the step ran, if it is a suspect.
    pub(crate) suspect: Option<u32>,
}

/// What is called with a place, or with none if there will never be one.
type Grant = Box<dyn FnOnce(Option<Place>) + Send>;

/// The places. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Places(Arc<Mutex<State>>);

struct State {
    max: usize,
    taken: usize,
    by_run: BTreeMap<RunId, usize>,
    by_workflow: BTreeMap<Arc<str>, usize>,
    waiting: Turns<Arc<str>, Turns<RunId, VecDeque<Waiting>>>,
    suspects: Suspects,
    closed: bool,
    /// The host is paused: what is free stays free.
    is_held: bool,
    /// Somebody gives out what is free.
    is_giving_out: bool,
}

/// Steps that are tried with few others of their kind.
struct Suspects {
    running: usize,
    /// How many may run at once.
    room: usize,
    /// Those that wait, the least suspect first, and in the order in which they came.
    waiting: BTreeMap<(u32, u64), Waiting>,
    came: u64,
}

struct Waiting {
    claim: Claim,
    grant: Grant,
}

/// A place, until it is dropped.
pub(crate) struct Place {
    places: Places,
    claim: Claim,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a place of {:?}", self.claim)
    }
}

impl Place {
    /// Whether it is that of a suspect.
    pub(crate) const fn is_suspect(&self) -> bool {
        self.claim.suspect.is_some()
    }

    /// The host has lived long enough with the attempt: it counts as no suspect any more.
    pub(crate) fn clear(&mut self) {
        if self.claim.suspect.take().is_some() {
            self.places.settle(|state| state.suspects.has_survived());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let claim = self.claim.clone();
        self.places.settle(|state| state.give_back(&claim));
    }
}

impl Places {
    /// So many places.
    pub(crate) fn new(max: usize) -> Self {
        let suspects = Suspects { running: 0, room: 1, waiting: BTreeMap::new(), came: 0 };
        Self(Arc::new(Mutex::new(State {
            max: max.max(1),
            taken: 0,
            by_run: BTreeMap::new(),
            by_workflow: BTreeMap::new(),
            waiting: Turns::default(),
            suspects,
            closed: false,
            is_held: false,
            is_giving_out: false,
        })))
    }

    /// Asks for a place: `grant` is called with it, now or later; with none once the places are closed
    /// or the run is forgotten.
    pub(crate) fn ask(&self, claim: Claim, grant: impl FnOnce(Option<Place>) + Send + 'static) {
        let mut state = self.0.lock();
        if state.closed {
            drop(state);
            return grant(None);
        }
        state.line_up(Waiting { claim, grant: Box::new(grant) });
        drop(state);
        self.give_out();
    }

    /// A place at once, where nobody waits for one, so that it need not be found out whose turn it is.
    pub(crate) fn take(&self, claim: &Claim) -> Option<Place> {
        let mut state = self.0.lock();
        let is_free = !state.closed && state.nobody_waits() && state.may_have(claim);
        is_free.then(|| {
            state.take(claim);
            Place { places: self.clone(), claim: claim.clone() }
        })
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.lock().taken
    }

    /// What waits of a run gets no place any more.
    pub(crate) fn forget(&self, run: RunId) {
        let forgotten = self.0.lock().forget(run);
        forgotten.into_iter().for_each(|waiting| (waiting.grant)(None));
    }

    /// Whether nobody gets a place until it is said otherwise. Those who wait then get theirs by [`Places::give_out`].
    pub(crate) fn hold(&self, is_held: bool) {
        self.0.lock().is_held = is_held;
    }

    /// Gives out what is free.
    pub(crate) fn give_out(&self) {
        self.settle(|_state| {});
    }

    /// Nobody gets a place any more.
    pub(crate) fn close(&self) {
        let refused = {
            let mut state = self.0.lock();
            state.closed = true;
            let suspects = std::mem::take(&mut state.suspects.waiting).into_values();
            let others =
                std::mem::take(&mut state.waiting).into_all().flat_map(Turns::into_all).flatten();
            suspects.chain(others).collect::<Vec<_>>()
        };
        refused.into_iter().for_each(|waiting| (waiting.grant)(None));
    }

    /// Changes something, and gives out the places that are free then. Whoever gets one is told when
    /// nothing is locked. One that gives its place back at once comes here again, and leaves the next
    /// one to whoever gives out already: as many may wait as would fill the stack.
    fn settle(&self, change: impl FnOnce(&mut State)) {
        {
            let mut state = self.0.lock();
            change(&mut state);
            if state.nobody_waits() || std::mem::replace(&mut state.is_giving_out, true) {
                return;
            }
        }
        let _giving = GivingOut(self);
        while let Some(Waiting { claim, grant }) = self.next() {
            grant(Some(Place { places: self.clone(), claim }));
        }
    }

    /// The one that gets a place now. Where there is none, whoever comes later gives out.
    fn next(&self) -> Option<Waiting> {
        let mut state = self.0.lock();
        let next = state.next();
        state.is_giving_out = next.is_some();
        next
    }
}

/// Gives out what is free; should whoever is told panic, another one does.
struct GivingOut<'a>(&'a Places);

impl Drop for GivingOut<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.0.lock().is_giving_out = false;
        }
    }
}

impl State {
    fn line_up(&mut self, waiting: Waiting) {
        match waiting.claim.suspect {
            Some(losses) => {
                self.suspects.came += 1;
                self.suspects.waiting.insert((losses, self.suspects.came), waiting);
            }
            None => {
                let workflow = Arc::clone(&waiting.claim.workflow);
                let run = waiting.claim.run;
                self.waiting.entry(workflow).entry(run).push_back(waiting);
            }
        }
    }

    /// The one that gets a place now, if any can.
    fn next(&mut self) -> Option<Waiting> {
        let free = self.free();
        if free == 0 {
            return None;
        }
        let next = self.suspects.next().or_else(|| self.next_in_turn(free))?;
        self.take(&next.claim);
        Some(next)
    }

    /// How many places can be given out.
    fn free(&self) -> usize {
        if self.is_held { 0 } else { self.max.saturating_sub(self.taken) }
    }

    fn nobody_waits(&self) -> bool {
        self.waiting.of.is_empty() && self.suspects.waiting.is_empty()
    }

    /// Whether one that is no suspect gets a place now, as far as its run and its workflow go.
    fn may_have(&self, claim: &Claim) -> bool {
        let by_run = self.by_run.get(&claim.run);
        let by_workflow = self.by_workflow.get(&claim.workflow);
        claim.suspect.is_none()
            && by_run.copied().unwrap_or_default() < self.free()
            && by_workflow.copied().unwrap_or_default() < self.free().saturating_mul(WORKFLOW_SHARE)
    }

    fn take(&mut self, claim: &Claim) {
        self.taken += 1;
        *self.by_run.entry(claim.run).or_default() += 1;
        *self.by_workflow.entry(Arc::clone(&claim.workflow)).or_default() += 1;
    }

    fn next_in_turn(&mut self, free: usize) -> Option<Waiting> {
        let by_run = &self.by_run;
        let by_workflow = &self.by_workflow;
        let held_by_run = |run: &RunId| by_run.get(run).copied().unwrap_or_default();
        let held_by_workflow =
            |workflow: &Arc<str>| by_workflow.get(workflow).copied().unwrap_or_default();
        self.waiting.next(|workflow, runs| {
            if held_by_workflow(workflow) >= free.saturating_mul(WORKFLOW_SHARE) {
                return None;
            }
            runs.next(
                |run, waiting| if held_by_run(run) < free { waiting.pop_front() } else { None },
            )
        })
    }

    fn give_back(&mut self, claim: &Claim) {
        self.taken = self.taken.saturating_sub(1);
        release(&mut self.by_run, &claim.run);
        release(&mut self.by_workflow, &claim.workflow);
        if claim.suspect.is_some() {
            self.suspects.has_survived();
        }
    }

    fn forget(&mut self, run: RunId) -> Vec<Waiting> {
        let suspects = self.suspects.waiting.extract_if(.., |_, waiting| waiting.claim.run == run);
        let mut forgotten: Vec<_> = suspects.map(|(_, waiting)| waiting).collect();
        for runs in self.waiting.of.values_mut() {
            forgotten.extend(runs.of.remove(&run).unwrap_or_default());
        }
        forgotten
    }
}

impl Suspects {
    fn next(&mut self) -> Option<Waiting> {
        if self.running >= self.room {
            return None;
        }
        let (_, next) = self.waiting.pop_first()?;
        self.running += 1;
        Some(next)
    }

    /// One of them came to its end, or has run for long, and the host lives.
    fn has_survived(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.room = self.room.saturating_add(1);
    }
}

fn release<K: Ord>(held: &mut BTreeMap<K, usize>, by: &K) {
    if let Some(places) = held.get_mut(by) {
        *places -= 1;
        if *places == 0 {
            held.remove(by);
        }
    }
}

/// Things by key, that take turns.
struct Turns<K, V> {
    of: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), order: VecDeque::new() }
    }
}

/// What may have nothing left to give.
trait Drained {
    fn is_drained(&self) -> bool;
}

impl Drained for VecDeque<Waiting> {
    fn is_drained(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Drained for Turns<K, V> {
    fn is_drained(&self) -> bool {
        self.of.is_empty()
    }
}

impl<K: Ord + Clone, V: Default + Drained> Turns<K, V> {
    /// What has this key. It comes last where it is new.
    fn entry(&mut self, key: K) -> &mut V {
        if !self.of.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        self.of.entry(key).or_default()
    }

    /// What the first gives that gives something; it comes last then. What is drained is gone.
    fn next<T>(&mut self, mut give: impl FnMut(&K, &mut V) -> Option<T>) -> Option<T> {
        for _ in 0..self.order.len() {
            let key = self.order.pop_front()?;
            let Some(value) = self.of.get_mut(&key) else { continue };
            let given = give(&key, value);
            if value.is_drained() {
                self.of.remove(&key);
            } else {
                self.order.push_back(key);
            }
            if given.is_some() {
                return given;
            }
        }
        None
    }
}

impl<K, V> Turns<K, V> {
    fn into_all(self) -> impl Iterator<Item = V> {
        self.of.into_values()
    }
}

#[cfg(test)]
mod tests;
