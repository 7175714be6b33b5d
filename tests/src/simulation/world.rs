//! The world around a host: what it asks of it, and how it answers.

use std::time::Duration;

use rand::RngExt;
use segno_host::engine::{CancelHow, IfRunning, NewRun, NewSignal, Times};
use segno_host::steps::{Outcome, Piece};
use segno_host::store::Standing;
use segno_journal::RunId;

use crate::faulty::Kept;
use crate::simulation::asked::Call;
use crate::simulation::attributes;
use crate::simulation::life::Life;
use crate::simulation::moves::Move;
use crate::simulation::plans::{self, NAMES, STREAMS};
use crate::simulation::streams::Writing;
use crate::{post, raw};

/// How many runs a life has at most.
pub(crate) const RUNS: usize = 6;

/// How many requests the world makes while anything may happen.
const CALLS: u64 = 60;

/// How many events of a run are held at most before it is called no more. They are all told in one
/// transaction, and a turn must not be forgotten in the one in which it is written: nobody would see it.
const LINE: usize = 4;

/// How the keys begin that lead to one run at a time.
pub(crate) const ONE_AT_A_TIME: &str = "one of";

/// How many runs are cancelled at most.
const CANCELS: usize = 4;

/// How long nobody waits who has something to do, in milliseconds, but for a few.
const LONG: u64 = 1_000_000;

impl Life<'_> {
    pub(crate) fn start(&mut self) -> bool {
        if self.starts == RUNS {
            return false;
        }
        self.starts += 1;
        let (workflow, input) = plans::plan(&mut self.random);
        let key = self.key();
        // A client that does not know whether it was heard asks again.
        let again = key.clone().filter(|_| self.random.random_bool(0.5));
        self.start_with(workflow, &input, key);
        if again.is_some() {
            self.start_with(workflow, &input, again);
        }
        true
    }

    /// Somebody starts this run.
    pub(crate) fn start_with(
        &mut self,
        workflow: &str,
        input: &serde_json::Value,
        key: Option<String>,
    ) {
        let said = self.random.random_ratio(1, 4).then(|| self.say());
        let signals = said.iter().map(|said| NewSignal {
            name: NAMES[self.random.random_range(0..NAMES.len())].to_owned(),
            payload: said.clone(),
            key: self.random.random_ratio(1, 2).then(|| format!("key of {said}")),
        });
        let signals = signals.collect();
        let on_end = self.random.random_ratio(1, 3).then(|| "http://127.0.0.1:1/ended".to_owned());
        let times = self.times();
        let if_running = key.as_deref().and_then(|key| self.if_running(key));
        let new = NewRun {
            key: key.clone(),
            if_running,
            signals,
            on_end,
            times,
            attributes: attributes::given(workflow),
            ..NewRun::default()
        };
        let asked = self.host().engine.start_with(workflow, raw(input), new);
        // One that leads to one run at a time leads to several.
        let key = key.filter(|_| if_running.is_none());
        // A key counts within its workflow.
        let since = self.witness.editions.known();
        let key = key.map(|key| format!("{workflow}, {key}"));
        self.note(&format!("start {workflow} {input}, signalled {said:?}"));
        self.asked.push(Call::Start(asked, key, since, said));
        self.look();
    }

    /// Perhaps a key of a start.
    pub(crate) fn key(&mut self) -> Option<String> {
        self.random.random_ratio(1, 3).then(|| match self.random.random_range(0..6) {
            one @ 0..2 => format!("{ONE_AT_A_TIME} {one}"),
            other => format!("key {}", other % 2),
        })
    }

    /// What is done where a run of a key goes on, if the key leads to one at a time.
    fn if_running(&mut self, key: &str) -> Option<IfRunning> {
        let all = [IfRunning::Use, IfRunning::Refuse, IfRunning::Cancel];
        key.starts_with(ONE_AT_A_TIME).then(|| all[self.random.random_range(0..all.len())])
    }

    pub(crate) fn call_any(&mut self) -> bool {
        let tokens: Vec<_> = self.witness.tokens.keys().cloned().collect();
        match self.pick(&tokens) {
            Some(token) if self.calls < CALLS => self.call(token),
            _ => false,
        }
    }

    pub(crate) fn call(&mut self, token: String) -> bool {
        let (run, ..) = self.witness.tokens[&token];
        if self.witness.length_of_line(run) > LINE {
            return false;
        }
        self.calls += 1;
        let text = format!("{} for {token}", self.calls);
        self.note(&format!("call {text}"));
        let asked = self.host().engine.call_webhook(&token, post(&text));
        self.asked.push(Call::Request(asked, token, text));
        true
    }

    /// Calls each webhook that is open, of runs that can go on. False if there is none.
    pub(crate) fn call_all(&mut self) -> bool {
        let tokens = self.witness.open_tokens(|run| !self.witness.cuts.is_lost(run));
        tokens.into_iter().map(|token| self.call(token)).filter(|called| *called).count() > 0
    }

    /// Calls each webhook that is open, some times, where something of its run is held: what comes
    /// now must not be told to the run before that. False if there is none.
    pub(crate) fn call_blocked(&mut self) -> bool {
        let tokens = self.witness.open_tokens(|run| self.witness.length_of_line(run) > 0);
        let mut has_called = false;
        for token in tokens {
            for _ in 0..self.random.random_range(1..4) {
                has_called |= self.calls < CALLS && self.call(token.clone());
            }
        }
        has_called
    }

    /// The host is started again, with room for what is held, and goes down before all of that is
    /// told. False if nothing is held.
    pub(crate) fn falter(&mut self) -> bool {
        if !self.witness.has_lines() {
            return false;
        }
        self.crash(Kept::Nothing, None);
        for _ in 0..self.random.random_range(2..12) {
            self.make(Move::Handle);
        }
        self.make(Move::Write);
        self.crash(Kept::Nothing, None);
        self.perhaps_call_blocked();
        true
    }

    /// Perhaps calls those webhooks of a host that was just started, before it has set its runs going.
    pub(crate) fn perhaps_call_blocked(&mut self) {
        if self.random.random() {
            let _has_called = self.call_blocked();
        }
    }

    /// A few begin later, and a few may take some time only.
    fn times(&mut self) -> Times {
        let mut some = |from, to| {
            let some = self.random.random_ratio(1, 8);
            some.then(|| Duration::from_millis(self.random.random_range(from..to)))
        };
        Times { start_at: None, start_after: some(1, 5_000), timeout: some(1, 60_000) }
    }

    /// Somebody holds a run up.
    pub(crate) fn pause(&mut self) -> bool {
        self.any_run().is_some_and(|run| {
            let asked = self.host().engine.pause(run);
            self.asked.push(Call::Pause(asked));
            true
        })
    }

    pub(crate) fn cancel(&mut self) -> bool {
        match self.any_run() {
            Some(run) if self.cancels < CANCELS => {
                self.cancels += 1;
                // Too little for most that is undone, or enough for all.
                let within = if self.random.random_ratio(1, 4) { 400 } else { 3_600_000 };
                let how = CancelHow { kill: false, within: Duration::from_millis(within) };
                let asked = self.host().engine.cancel(run, how);
                self.asked.push(Call::Cancel(asked));
                true
            }
            _ => false,
        }
    }

    /// Somebody ends a run at once.
    pub(crate) fn kill(&mut self) -> bool {
        match self.any_run() {
            Some(run) if self.cancels < CANCELS => {
                self.cancels += 1;
                let asked = self.host().engine.cancel(run, CancelHow::KILL);
                self.asked.push(Call::Kill(asked));
                true
            }
            _ => false,
        }
    }

    /// Somebody cancels a run whose shard has not heard what it was told, and writes something later.
    pub(crate) fn cancel_without_shard(&mut self) -> bool {
        match self.any_run() {
            Some(run) if self.cancels < CANCELS => {
                let Ok(asked) = self.host().engine.end_without_shard(run) else { return false };
                self.cancels += 1;
                self.asked.push(Call::End(asked));
                true
            }
            _ => false,
        }
    }

    /// Somebody cancels the run that was started last.
    pub(crate) fn cancel_last(&mut self) {
        if let Some(run) = self.witness.runs.keys().next_back().copied() {
            let asked = self.host().engine.cancel(run, CancelHow::default());
            self.asked.push(Call::Cancel(asked));
            self.look();
        }
    }

    /// Somebody cancels a run that has something to undo.
    pub(crate) fn cancel_saga(&mut self) {
        let saga =
            self.witness.unfinished().find(|(_, seen)| seen.run.cleans_up()).map(|(run, _)| run);
        if let Some(run) = saga {
            let asked = self.host().engine.cancel(run, CancelHow::default());
            self.asked.push(Call::Cancel(asked));
            self.look();
        }
    }

    /// Somebody lets a blocked run go on, perhaps on another module.
    pub(crate) fn resume(&mut self) -> bool {
        let held = self.held();
        let modules = self.host().store.modules().expect("the store can be read");
        let modules: Vec<_> = modules.into_iter().map(|(digest, _)| digest).collect();
        let module = if self.random.random_ratio(1, 3) { self.pick(&modules) } else { None };
        self.pick(&held).is_some_and(|run| {
            if module.is_some() {
                self.witness.cuts.tried_elsewhere(run);
            }
            let asked = self.host().engine.resume(run, module.map(|module| module.to_string()));
            self.asked.push(Call::Resume(asked));
            true
        })
    }

    /// Somebody lets each paused run go on. False if there is none.
    pub(crate) fn end_paused(&mut self) -> bool {
        let store = self.host().store.clone();
        let is_paused = |run: &RunId| {
            let record = store.run(*run).ok().flatten();
            record.is_some_and(|record| matches!(record.standing, Standing::Paused(_)))
        };
        let paused: Vec<_> =
            self.witness.unfinished().map(|(run, _)| run).filter(is_paused).collect();
        for run in &paused {
            let asked = self.host().engine.resume(*run, None);
            self.asked.push(Call::Resume(asked));
        }
        !paused.is_empty()
    }

    /// Somebody lets each blocked run go on, and gets rid of those that cannot. False if there is none.
    pub(crate) fn end_blocked(&mut self) -> bool {
        let held = self.held();
        let unfinished = self.host().store.unfinished();
        let unfinished = unfinished.expect("the store can be read");
        let lost: Vec<_> =
            unfinished.into_iter().filter(|run| self.witness.cuts.is_lost(*run)).collect();
        for run in held.iter().filter(|run| !lost.contains(run)) {
            let asked = self.host().engine.resume(*run, None);
            self.asked.push(Call::Resume(asked));
        }
        for run in &lost {
            let asked = self.host().engine.cancel(*run, CancelHow::KILL);
            self.asked.push(Call::Kill(asked));
        }
        !(held.is_empty() && lost.is_empty())
    }

    /// The runs that are blocked or paused on disk.
    fn held(&mut self) -> Vec<RunId> {
        let store = self.host().store.clone();
        let standing = |run: &RunId| store.run(*run).ok().flatten().map(|record| record.standing);
        let is_held_up =
            |run: &RunId| matches!(standing(run), Some(Standing::Blocked(_) | Standing::Paused(_)));
        self.witness.runs.keys().copied().filter(is_held_up).collect()
    }

    /// The clock moves to the next timer, or not as far, or beyond.
    pub(crate) fn wait(&mut self) -> bool {
        let now = self.host().engine.now();
        let timer = self.host().engine.next_timer();
        let Some(timer) = timer else { return false };
        let left = timer.since_ms(now);
        // What is at work is rarely as slow as this, or nothing would be undone within its time.
        let host = self.host();
        let is_long = left > LONG && (host.can_go_on() || !host.engine.attempts().is_empty());
        if is_long && !self.random.random_ratio(1, 500) {
            return false;
        }
        let ms = match self.random.random_range(0..8) {
            0 => left / 2,
            1 => left + self.random.random_range(0..3_000),
            _ => left,
        };
        self.with(|engine| engine.wait_until(now.plus_ms(ms)))
    }

    /// An attempt ends as it was planned; or has not begun, where the host is being stopped.
    pub(crate) fn end(&mut self, stops: bool) -> bool {
        let attempts = self.host().engine.attempts();
        let places: Vec<_> = (0..attempts.len()).collect();
        let Some(at) = self.pick(&places) else { return false };
        let outcome = match stops && self.random.random() {
            true => Outcome::NeverBegan,
            false => plans::outcome(&attempts[at], self.mended.contains(&attempts[at].run)),
        };
        match &outcome {
            Outcome::Returned(output) => self.witness.returned(&attempts[at], output),
            Outcome::NeverBegan => self.witness.never_began(&attempts[at]),
            Outcome::Failed(_) => {}
        }
        self.note(&format!("{} of {}: {outcome:?}", attempts[at].number, attempts[at].op));
        self.with(|engine| engine.end(at, outcome))
    }

    /// An attempt writes something.
    pub(crate) fn write_any(&mut self) -> bool {
        let attempts = self.host().engine.attempts();
        let places: Vec<_> = (0..attempts.len()).collect();
        let Some(at) = self.pick(&places) else { return false };
        let run = attempts[at].run;
        let pieces: Vec<_> = (0..self.draw(1..4)).map(|_| self.piece()).collect();
        self.note(&format!(
            "attempt {} of {} writes {pieces:?}",
            attempts[at].number, attempts[at].op
        ));
        let streamed = self.host().engine.write_stream(at, pieces.clone());
        self.writing.push(Writing { run, pieces, streamed });
        true
    }

    fn piece(&mut self) -> Piece {
        let text = format!("{} by a step", self.say());
        let stream = STREAMS[self.draw(0..STREAMS.len())].to_owned();
        Piece { stream, chunk: Some(text.into_bytes()) }
    }

    /// Looks at what attempts were told of what they wrote.
    pub(crate) fn look_at_writing(&mut self) {
        let streams = &self.witness.streams;
        self.writing.retain_mut(|Writing { run, pieces, streamed }| {
            let Some(refused) = streamed.answer() else { return true };
            let taken = pieces.iter().filter(|piece| !refused.contains_key(&piece.stream));
            taken.for_each(|piece| streams.acknowledged(*run, piece));
            false
        });
    }
}
