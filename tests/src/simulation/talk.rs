//! What is said to runs: signals and payloads of hooks. Each that is acknowledged has its turn, once; and of
//! the hooks that ask for a token, one has it.

use std::collections::{BTreeMap, BTreeSet};

use segno_host::engine::Reply;
use segno_host::store::{HeldEvent, Store};
use segno_journal::{Event, Op, Open, Run, RunId};

use crate::simulation::forks::Forks;
use crate::simulation::tally::Signals;

/// What was said to runs. Each payload is a number that no other has.
#[derive(Clone, Default)]
pub(crate) struct Talk {
    /// What had its turn, and of which run that was; of several only where one is a fork of another.
    delivered: BTreeMap<String, BTreeSet<RunId>>,
    /// What was acknowledged, and had not had its turn when it was last looked at: of which run, and of which
    /// hook if it is no signal.
    owed: BTreeMap<String, (RunId, Option<Op>)>,
    /// All that was acknowledged, and whether it is a signal.
    acknowledged: BTreeMap<String, bool>,
    /// How many signals were owed when a host went down without a word, each counted each time.
    owed_at_kills: u64,
}

impl Talk {
    /// A run has had a turn.
    pub(crate) fn turn(&mut self, run: RunId, event: &Event, forks: &Forks) {
        let payload = match event {
            Event::HookReceived { payload, .. } => payload,
            Event::Signalled { signal } => &signal.payload,
            _ => return,
        };
        let runs = self.delivered.entry(payload.clone()).or_default();
        let stranger = runs.iter().find(|other| !forks.are_kin(run, **other));
        assert!(stranger.is_none(), "{run}: {payload} was delivered to {stranger:?} as well");
        assert!(runs.insert(run), "{run}: {payload} was delivered twice");
    }

    /// What had its turn comes again, since the run is tried again. Where it was acknowledged, it is owed.
    pub(crate) fn comes_again(&mut self, run: RunId, event: &Event) {
        let (payload, hook) = match event {
            Event::HookReceived { op, payload } => (payload, Some(*op)),
            Event::Signalled { signal } => (&signal.payload, None),
            _ => return,
        };
        if let Some(runs) = self.delivered.get_mut(payload) {
            runs.remove(&run);
        }
        if self.acknowledged.contains_key(payload) {
            self.owed.insert(payload.clone(), (run, hook));
        }
    }

    /// Something was acknowledged: it has had its turn, or is held.
    pub(crate) fn acknowledged(&mut self, run: RunId, hook: Option<Op>, payload: &str) {
        self.acknowledged.insert(payload.to_owned(), hook.is_none());
        if !self.has_come_to(run, payload) {
            self.owed.insert(payload.to_owned(), (run, hook));
        }
    }

    /// Whether this has had its turn in a run.
    pub(crate) fn has_come_to(&self, run: RunId, payload: &str) -> bool {
        self.delivered.get(payload).is_some_and(|runs| runs.contains(&run))
    }

    /// The host went down without a word.
    pub(crate) fn killed(&mut self) {
        let signals = self.owed.values().filter(|(_, hook)| hook.is_none());
        self.owed_at_kills += signals.count() as u64;
    }

    /// What became of the signals that were acknowledged, when all runs have ended.
    pub(crate) fn at_the_end(&self) -> Signals {
        assert_eq!(self.owed.len(), 0, "something is owed still: {:?}", self.owed);
        let signals = self.acknowledged.iter().filter(|(_, is_signal)| **is_signal);
        let (delivered, missed): (Vec<_>, Vec<_>) = signals.partition(|(payload, _)| {
            self.delivered.get(*payload).is_some_and(|runs| !runs.is_empty())
        });
        Signals {
            delivered: delivered.len() as u64,
            missed: missed.len() as u64,
            owed_at_kills: self.owed_at_kills,
        }
    }

    /// What was acknowledged has its turn, or is held as long as its run has not ended. What was sent to a
    /// hook need not come any more when the run has disposed of it.
    pub(crate) fn look_at_owed<'a>(
        &mut self,
        store: &Store,
        unfinished: impl Fn(RunId) -> Option<&'a Run>,
    ) {
        let delivered = &self.delivered;
        self.owed.retain(|payload, (run, hook)| {
            let is_wanted = unfinished(*run).is_some_and(|state| {
                hook.is_none_or(|op| open_hooks(*run, state).any(|(_, open, _)| open == op))
            });
            let has_come = delivered.get(payload).is_some_and(|runs| runs.contains(run));
            let is_owed = is_wanted && !has_come;
            assert!(
                !is_owed || lies(store, *run, payload),
                "{payload} to {run} was acknowledged, and is lost"
            );
            is_owed
        });
    }

    /// Of the hooks of one token, of runs that have not ended, at most one knows that it has it; and the
    /// store says so.
    pub(crate) fn look_at_tokens<'a>(runs: impl Iterator<Item = (RunId, &'a Run)>, store: &Store) {
        let mut owners = BTreeMap::new();
        for (run, op, token) in runs.flat_map(|(run, state)| open_hooks(run, state)) {
            if let Some(other) = owners.insert(token.clone(), run) {
                panic!("{other} and {run} both have the token {token}");
            }
            let record = store.hook(&token).expect("the store can be read");
            let of = record.map(|record| (record.run(), record.op));
            assert_eq!(of, Some((run, op)), "the token {token} is that of {run}");
        }
    }

    /// Something was said and heard.
    pub(crate) fn has_everything(&self) -> bool {
        self.acknowledged.len() > 1 && self.delivered.len() > 1
    }
}

/// A reply to a signal: it is stored, or answered by what was sent.
pub(crate) fn look_at_reply(reply: &Reply, payload: &str) {
    if let Reply::Now(response) = reply {
        let body = String::from_utf8_lossy(&response.body);
        let is_stored = response.status == 202 && body.is_empty();
        assert!(is_stored || body == payload, "{payload} was answered with {response:?}");
    }
}

/// The hooks of a run that know that they have their tokens.
pub(crate) fn open_hooks(run: RunId, state: &Run) -> impl Iterator<Item = (RunId, Op, String)> {
    let hooks = state.open().filter_map(move |(op, open)| {
        let hook = open.hook().filter(|hook| hook.claimed && !hook.disposed)?;
        Some((run, op, hook.token.clone()))
    });
    hooks.collect::<Vec<_>>().into_iter()
}

/// The names of the signals that a run waits for.
pub(crate) fn open_signals(state: &Run) -> impl Iterator<Item = &str> {
    state.open().filter_map(|(_, open)| match open {
        Open::Signal(signal) => Some(&*signal.name),
        _ => None,
    })
}

/// Whether this is held of a run, or was sent to it in a batch and is not taken.
pub(crate) fn lies(store: &Store, run: RunId, payload: &str) -> bool {
    is_held(store, run, payload) || is_posted(store, run, payload)
}

pub(crate) fn is_posted(store: &Store, run: RunId, payload: &str) -> bool {
    let posted = store.posted_to(run).expect("the store can be read");
    posted.iter().any(|posted| match store.posted(posted).expect("the store can be read") {
        Some(HeldEvent { event: Event::Signalled { signal }, .. }) => signal.payload == payload,
        other => panic!("{run}: a signal of a batch is {other:?}"),
    })
}

fn is_held(store: &Store, run: RunId, payload: &str) -> bool {
    let held = store.held(run).expect("the store can be read");
    held.iter().any(|(_, held)| match &held.event {
        Event::HookReceived { payload: held, .. } => held == payload,
        Event::Signalled { signal } => signal.payload == payload,
        _ => false,
    })
}
