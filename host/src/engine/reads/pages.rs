//! Pages of the history of a run: which turns one has, and what is read besides to tell them. A page
//! costs the same wherever in the run it lies.

use segno_api::HistoryPage;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_journal::retry::Attempt;
use segno_journal::{Op, RunId, Turn};

use crate::engine::reads::history::{Asked, Teller};
use crate::store::{Store, StoreError};

/// How many bytes of turns and of failed attempts one page of a history has, about: its last turn may
/// go beyond. The attempts at the end of a history have as much room again.
const MAX_TOLD_BYTES: usize = 8 << 20;

/// Of how many steps that are not over the failed attempts stand at the end of a history: each may
/// have been asked for in a turn of its own, which has to be found.
const MAX_FAILING: usize = 1_000;

/// What happened to a run, from a turn on: so many turns at most.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) fn page(
    store: &Store,
    run: RunId,
    from: u64,
    max: usize,
) -> Result<HistoryPage, StoreError> {
    // Nothing is forgotten between two looks at it.
    let store = store.pinned()?;
    let mut page = Page::new(&store, run);
    let next = page.read_turns(from, max)?;
    if next.is_none() {
        page.read_failing()?;
    }
    let notes =
        store.notes(run, from)?.into_iter().filter(|note| next.is_none_or(|next| note.turn < next));
    let of = (run, store.run(run)?);
    let mut teller = Teller::new(of, page.asked()?, page.attempts, notes.collect());
    page.turns.into_iter().for_each(|turn| teller.tell(turn));
    Ok(HistoryPage { events: teller.finish(), next })
}

/// What was set aside of a run under a number, from a turn on: so many turns at most. The attempts of steps that
/// failed then are not kept, since the steps have new ones.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) fn aside(
    store: &Store,
    (run, number): (RunId, u32),
    from: u64,
    max: usize,
) -> Result<HistoryPage, StoreError> {
    let store = store.pinned()?;
    let mut page = Page::new(&store, run);
    let mut next = None;
    store.visit_set_aside((run, number), from, |turn| {
        next = page.full(max).then_some(turn.seq);
        if next.is_some() {
            return ControlFlow::Break(());
        }
        page.bytes += turn.size();
        page.attempts.extend(turn.event.ended_step().map(|op| (op, Vec::new())));
        page.turns.push(turn);
        ControlFlow::Continue(())
    })?;
    let of = (run, store.run(run)?);
    let mut teller = Teller::new(of, page.asked()?, BTreeMap::new(), Vec::new());
    page.turns.into_iter().for_each(|turn| teller.tell(turn));
    Ok(HistoryPage { events: teller.finish(), next })
}

struct Page<'a> {
    store: &'a Store,
    run: RunId,
    turns: Vec<Turn>,
    /// The failed attempts of the steps that end in these turns, and at the end of a history of those
    /// that are not over.
    attempts: BTreeMap<Op, Vec<Attempt>>,
    /// How much of [`MAX_TOLD_BYTES`] is taken.
    bytes: usize,
}

impl<'a> Page<'a> {
    const fn new(store: &'a Store, run: RunId) -> Self {
        Self { store, run, turns: Vec::new(), attempts: BTreeMap::new(), bytes: 0 }
    }

    /// Whether it has so many turns, or all the bytes that there is room for.
    const fn full(&self, max: usize) -> bool {
        self.turns.len() >= max || self.bytes >= MAX_TOLD_BYTES
    }

    /// Reads turns, and the failed attempts of the steps that end in them. Gives the position of the
    /// next turn, if there is one.
    fn read_turns(&mut self, from: u64, max: usize) -> Result<Option<u64>, StoreError> {
        let mut next = None;
        let mut read = Ok(());
        self.store.visit_turns(self.run, from, |turn| {
            if self.full(max) {
                next = Some(turn.seq);
                return ControlFlow::Break(());
            }
            self.bytes += turn.size();
            read = turn.event.ended_step().map_or(Ok(()), |op| self.read_attempts(op));
            self.turns.push(turn);
            if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        read.map(|()| next)
    }

    /// Reads the failed attempts of the steps that are not over.
    fn read_failing(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        for op in self.store.failing(self.run, MAX_FAILING)? {
            if self.bytes < MAX_TOLD_BYTES {
                self.read_attempts(op)?;
            }
        }
        Ok(())
    }

    fn read_attempts(&mut self, op: Op) -> Result<(), StoreError> {
        let attempts = self.store.attempts_of(self.run, op)?;
        self.bytes += attempts
            .iter()
            .map(|attempt| size_of::<Attempt>() + attempt.error.len())
            .sum::<usize>();
        self.attempts.insert(op, attempts);
        Ok(())
    }

    /// Who asked for the steps that are told of: first the turns of the page, then those on disk, each
    /// of which is read once.
    fn asked(&self) -> Result<BTreeMap<Op, Asked>, StoreError> {
        let mut wanted: BTreeSet<Op> = self.attempts.keys().copied().collect();
        let mut asked = BTreeMap::new();
        self.turns.iter().for_each(|turn| take_asked(turn, &mut wanted, &mut asked));
        while let Some(op) = wanted.first().copied() {
            match self.store.turn_that_began(self.run, op)? {
                Some(turn) => take_asked(&turn, &mut wanted, &mut asked),
                None => {
                    let turn = self.store.first_turn_after(self.run, 0)?.unwrap_or(0);
                    asked.insert(op, Asked { name: None, turn });
                }
            }
            wanted.remove(&op);
        }
        Ok(asked)
    }
}

/// Of the steps that are wanted, takes those that a turn asked for.
fn take_asked(turn: &Turn, wanted: &mut BTreeSet<Op>, asked: &mut BTreeMap<Op, Asked>) {
    for (op, command) in turn.operations() {
        if let Some(name) = command.step()
            && wanted.remove(&op)
        {
            asked.insert(op, Asked { name: Some(name.clone()), turn: turn.seq });
        }
    }
}
