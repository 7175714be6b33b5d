//! What must hold at every moment of a life, whatever happens: looked at after each thing that does.

mod end;

use std::collections::{BTreeMap, BTreeSet};

use segno_host::engine::{Reply, Simulated};
use segno_host::steps::StepAttempt;
use segno_host::store::{Standing, Store};
use segno_journal::{Event, Op, Open, Run, RunId, Timestamp, Turn};

use crate::simulation::attributes;
use crate::simulation::batches::Batches;
use crate::simulation::cuts::{Cuts, KEPT_WORKFLOW};
use crate::simulation::deletions::Deletions;
use crate::simulation::editions::Editions;
use crate::simulation::family;
use crate::simulation::forks::Forks;
use crate::simulation::lines::Lines;
use crate::simulation::plans::most_attempts;
use crate::simulation::streams::Streams;
use crate::simulation::suspects::Suspects;
use crate::simulation::talk::Talk;
use crate::simulation::tokens::look_at_tokens;
use crate::simulation::turns::turns;

/// What was seen of a life, over all its crashes.
#[derive(Clone, Default)]
pub(crate) struct Witness {
    /// The runs that are on disk, with all their turns.
    pub(crate) runs: BTreeMap<RunId, Seen>,
    /// Where each token leads, and whether its callers are answered by the workflow.
    pub(crate) tokens: BTreeMap<String, (RunId, Op, bool)>,
    /// The bodies of the requests that were acknowledged, and to which run they went. Of those that
    /// had their turn, none is needed here: turns stay.
    pub(crate) held: BTreeMap<String, RunId>,
    /// The bodies of all that were acknowledged.
    acknowledged: BTreeSet<String>,
    /// The bodies of the requests that had their turn.
    delivered: BTreeSet<String>,
    /// The number of the last request that each webhook was given.
    given: BTreeMap<String, u64>,
    /// Which run each idempotency key started.
    pub(crate) keys: BTreeMap<String, RunId>,
    /// The attempts that began, ever.
    begun: BTreeSet<(RunId, Op, u32)>,
    /// The attempts that began since the last start of the engine.
    under_way: BTreeSet<(RunId, Op, u32)>,
    suspects: Suspects,
    /// What the attempts of a step returned.
    returned: BTreeMap<(RunId, Op), Vec<String>>,
    /// The runs that have ended on disk, and how.
    pub(crate) over: BTreeMap<RunId, Standing>,
    lines: Lines,
    pub(crate) talk: Talk,
    pub(crate) batches: Batches,
    pub(crate) streams: Streams,
    pub(crate) cuts: Cuts,
    pub(crate) editions: Editions,
    pub(crate) deletions: Deletions,
    pub(crate) forks: Forks,
}

/// A run, as far as it is on disk.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) turns: Vec<Turn>,
    pub(crate) run: Run,
    /// How often it was tried again.
    pub(crate) retries: u32,
    /// What was set aside then, each with how many turns it had had before.
    pub(crate) aside: Vec<(usize, Turn)>,
}

impl Witness {
    /// Looks at what is on disk and at what began.
    pub(crate) fn look(&mut self, engine: &Simulated, store: &Store, tell: &mut dyn FnMut(&str)) {
        self.editions.look(store);
        for (run, record) in self.look_at_all(store) {
            // Of a run that has ended there is nothing more to see.
            if self.over.contains_key(&run) && self.went_back(run, store) {
                self.over.remove(&run);
            }
            if let Some(ended) = self.over.get(&run) {
                assert_eq!(*ended, record.standing, "{run} ended twice");
                continue;
            }
            if record.standing.ended_at().is_some() {
                self.over.insert(run, record.standing.clone());
            }
            self.editions.look_at_run(run, &record, store);
            self.forked(run, &record, store);
            self.look_at_run(run, engine.now(), store, tell);
            let all = self.runs[&run].all_turns();
            let given = self.given(run, &record, store);
            attributes::look((run, &given), &record, &all, store);
            self.streams.look(run, &self.forks.own(run, all), store);
            self.cuts.look(run, &record, self.runs[&run].turns.len() as u64, store);
        }
        self.look_at_held(store);
        let (over, runs) = (&self.over, &self.runs);
        let unfinished = |run| runs.get(&run).filter(|_| !over.contains_key(&run));
        self.talk.look_at_owed(store, |run| unfinished(run).map(|seen| &seen.run));
        self.batches.look(store, &self.talk, |run| over.contains_key(&run));
        let unfinished = runs.iter().filter(|(run, _)| !over.contains_key(run));
        Talk::look_at_tokens(unfinished.map(|(run, seen)| (*run, &seen.run)), store);
        let now = engine.now();
        engine.attempts().iter().for_each(|attempt| self.look_at_attempt(attempt, now, store));
    }

    /// The engine was opened on what a crash or an orderly stop left: what was on disk still is.
    pub(crate) fn survived(&mut self, store: &Store, has_crashed: bool) {
        // What was deleted when the host went down is not there.
        let _runs = self.look_at_all(store);
        for run in self.over.keys().copied().collect::<Vec<_>>() {
            if self.went_back(run, store) {
                self.over.remove(&run);
            }
        }
        let open =
            self.runs.iter().flat_map(|(run, seen)| seen.run.open().map(|(op, _)| (*run, op)));
        self.suspects.opened(open, store, has_crashed);
        self.under_way.clear();
        for (run, seen) in &self.runs {
            let is_over = self.over.contains_key(run);
            Cuts::survived(*run, (&seen.turns, is_over), store);
        }
    }

    fn look_at_run(
        &mut self,
        id: RunId,
        now: Timestamp,
        store: &Store,
        tell: &mut dyn FnMut(&str),
    ) {
        let Seen { turns: before, run, .. } = self.runs.entry(id).or_default();
        let new = turns(store, id, before.len() as u64);
        let mut requested = Vec::new();
        self.lines.look(id, &new, store);
        for turn in new {
            let seq = before.len() as u64;
            assert_eq!(turn.seq, seq, "{id}: a turn was forgotten before it was seen");
            let at = turn.at;
            assert!(at <= now, "{id}: turn {seq} is ahead of its time: {at:?}, not {now:?}");
            tell(&format!(
                "{id}, turn {}: {:?} {:?} {:?}",
                turn.seq, turn.event, turn.commands, turn.verdict
            ));
            let is_later = before.last().is_none_or(|last| last.at <= at);
            assert!(is_later, "{id}: time went back in turn {seq}");
            let opened = run.operations();
            family::look(id, run, &turn.event, (store, &mut self.talk));
            let (next, _effects) =
                std::mem::take(run).apply(&turn).unwrap_or_else(|fault| panic!("{id}: {fault}"));
            *run = next;
            look_at_tokens(&mut self.tokens, id, opened, &turn);
            match &turn.event {
                Event::StepCompleted { op, output } => {
                    let all = self.forks.of_step(id, *op);
                    let mut all = all.into_iter().filter_map(|run| self.returned.get(&(run, *op)));
                    let is_it = all.any(|all| all.contains(output));
                    assert!(is_it, "{id}: step {op} is said to have returned {output}");
                }
                Event::StepFailed { op, failure } => {
                    let began = self.begun.contains(&(id, *op, failure.attempts));
                    assert!(
                        began,
                        "{id}: step {op} failed after an attempt that was never made: {failure:?}"
                    );
                }
                Event::Requested { op, request } => {
                    let text = String::from_utf8_lossy(&request.body).into_owned();
                    requested.push((*op, text));
                }
                Event::Started { .. }
                | Event::Slept { .. }
                | Event::Woken { .. }
                | Event::Cancelled
                | Event::Cancelling { .. }
                | Event::Expired { .. }
                | Event::Retried { .. }
                | Event::Forked { .. } => {}
                Event::HookOpened { .. }
                | Event::HookTaken { .. }
                | Event::HookReceived { .. }
                | Event::Signalled { .. }
                | Event::ChildEnded { .. }
                | Event::Told { .. }
                | Event::NotTold { .. } => self.talk.turn(id, &turn.event, &self.forks),
            }
            before.push(turn);
        }
        requested.into_iter().for_each(|(op, text)| self.look_at_request(id, op, text));
    }

    /// What had its turn comes again, since the run is tried again. Where it was acknowledged, it is held.
    pub(crate) fn comes_again(&mut self, id: RunId, event: &Event) {
        if let Event::Requested { request, .. } = event {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let (_, token) = text.split_once(" for ").expect("each says where it goes");
            self.given.remove(token);
            self.delivered.remove(&text);
            if self.acknowledged.contains(&text) {
                self.held.insert(text, id);
            }
        }
        self.talk.comes_again(id, event);
    }

    /// The attempts of a run are watched anew.
    pub(crate) fn began_anew(&mut self, id: RunId) {
        self.under_way.retain(|(run, ..)| *run != id);
        self.suspects.began_anew(id);
    }

    /// A request is delivered once, to its webhook, in the order in which they were made.
    fn look_at_request(&mut self, id: RunId, op: Op, text: String) {
        let (number, token) = text.split_once(" for ").expect("each request says where it goes");
        let number = number.parse().expect("requests are numbered");
        let before = self.given.insert(token.to_owned(), number);
        assert!(before < Some(number), "{id}: {text} comes after request {before:?}");
        let known = self.tokens.get(token).is_some_and(|(run, to, _)| (*run, *to) == (id, op));
        assert!(known, "{id}: webhook {op} was given a request of another: {text}");
        assert!(self.delivered.insert(text.clone()), "{id}: {text} was delivered twice");
    }

    /// What was acknowledged and is held does so until it has its turn, or nobody can take it any
    /// more.
    fn look_at_held(&mut self, store: &Store) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|text, run| {
            let (_, op, _) =
                self.tokens[text.split_once(" for ").expect("each says where it goes").1];
            let is_delivered = self.delivered.contains(text);
            let is_open = self.is_open(*run, op);
            let is_there = is_delivered || is_blocked(store, *run, text);
            assert!(is_there || !is_open, "the request {text} was acknowledged, and is lost");
            !is_delivered && is_open
        });
        self.held = held;
    }

    /// The tokens of the webhooks that are open, of runs that are looked for.
    pub(crate) fn open_tokens(&self, is_it: impl Fn(RunId) -> bool) -> Vec<String> {
        let open =
            self.tokens.iter().filter(|(_, (run, op, _))| is_it(*run) && self.is_open(*run, *op));
        open.map(|(token, _)| token.clone()).collect()
    }

    /// The runs that have not ended.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (RunId, &Seen)> {
        let runs = self.runs.iter().filter(|(run, _)| !self.over.contains_key(run));
        runs.map(|(run, seen)| (*run, seen))
    }

    /// Whether the run has ended on disk.
    pub(crate) fn is_over(&self, run: RunId) -> bool {
        self.over.contains_key(&run)
    }

    /// Whether something of any run is held.
    pub(crate) fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// How many events of the run are held.
    pub(crate) fn length_of_line(&self, run: RunId) -> usize {
        self.lines.length(run)
    }

    fn is_open(&self, run: RunId, op: Op) -> bool {
        // Of a run that cannot be read and is cancelled, the end is no turn.
        !self.over.contains_key(&run)
            && matches!(self.runs[&run].run.operation(op), Some(Open::Webhook(webhook)) if !webhook.disposed)
    }

    /// An attempt begins once, when it is on disk that it is asked for, and when it is due.
    fn look_at_attempt(&mut self, attempt: &StepAttempt, now: Timestamp, store: &Store) {
        let StepAttempt { run, op, call, number, .. } = attempt;
        if !self.under_way.insert((*run, *op, *number)) {
            return;
        }
        let what = format!("{run}: attempt {number} of step {op}");
        self.begun.insert((*run, *op, *number));
        assert!(*number <= most_attempts(&call.name), "{what} is more than its policy allows");
        let seen = self
            .runs
            .get(run)
            .unwrap_or_else(|| panic!("{what} began, and no run of it is on disk"));
        assert!(
            op.0 < seen.run.operations(),
            "{what} began, and is asked for by no turn that is on disk"
        );
        let over = seen.turns.iter().find(|turn| turn.event.op() == Some(*op));
        assert!(over.is_none(), "{what} began, but the step was over: {over:?}");
        let last = store.last_attempt(*run, *op).expect("the store can be read");
        let failed = last.as_ref().map_or(0, |last| last.number);
        assert_eq!(*number, failed + 1, "{what} began, and {failed} have failed on disk");
        assert!(last.is_none_or(|last| last.retry_at <= now), "{what} began before it was due");
        // In one transaction an attempt may be noted and its run end, or its step be given up: then it is
        // told to stop next.
        if !self.over.contains_key(run) && seen.run.operation(*op).is_some() {
            self.suspects.began(attempt, now, store);
        }
    }

    /// An attempt returned this.
    pub(crate) fn returned(&mut self, attempt: &StepAttempt, output: &str) {
        self.returned.entry((attempt.run, attempt.op)).or_default().push(output.to_owned());
    }

    /// An attempt had not begun when the host was stopped.
    pub(crate) fn never_began(&mut self, attempt: &StepAttempt) {
        self.begun.remove(&(attempt.run, attempt.op, attempt.number));
    }

    /// A start was acknowledged.
    pub(crate) fn started(&mut self, run: RunId, key: Option<&str>, store: &Store) {
        // Whoever deleted it was quicker than the answer.
        if self.deletions.is_gone(run) {
            return;
        }
        let record = store.run(run).expect("the store can be read");
        assert!(record.is_some(), "the start of {run} was acknowledged, and it is not on disk");
        if let Some(key) = key {
            let first = *self.keys.entry(key.to_owned()).or_insert(run);
            assert_eq!(first, run, "the key {key} started two runs");
        }
    }

    /// A request was acknowledged.
    pub(crate) fn answered(&mut self, token: &str, text: &str, reply: &Reply, store: &Store) {
        let (run, op, is_manual) = self.tokens[token];
        assert!(self.acknowledged.insert(text.to_owned()), "{text} was acknowledged twice");
        // In the same transaction its run may have ended, and with it all that was held.
        if !self.delivered.contains(text) && self.is_open(run, op) {
            assert!(
                is_blocked(store, run, text),
                "the request {text} was acknowledged, and it is not on disk"
            );
            self.held.insert(text.to_owned(), run);
        }
        match reply {
            Reply::Later(..) => assert!(is_manual, "nobody answers {text}"),
            Reply::Now(response) => assert_eq!(response.status, 202, "{text}"),
        }
    }

    /// A call was told that there is no such webhook: it was closed, and is forgotten.
    pub(crate) fn unknown(&self, token: &str, store: &Store) {
        let (run, op, _) = self.tokens[token];
        if self.deletions.is_gone(run) {
            return;
        }
        let record = store.run(run).expect("the store can be read").expect("it was there");
        let may_be = &*record.workflow == KEPT_WORKFLOW && !self.is_open(run, op);
        assert!(may_be, "{run}: nobody knows webhook {op} any more");
    }
}

fn is_blocked(store: &Store, run: RunId, text: &str) -> bool {
    let held = store.held(run).expect("the store can be read");
    held.iter().any(|(_, held)| match &held.event {
        Event::Requested { request, .. } => request.body == text.as_bytes(),
        _ => false,
    })
}
