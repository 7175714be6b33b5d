//! Whatever order the world chooses, a replay gives the same commands, byte for byte.
//!
//! A run of the workflow `medley` is played with events in a random order: steps that succeed and
//! fail, sleeps that end, requests that come whenever they like. Now and then its guest is dropped
//! and made again, from its turns or from an image. At the end the run is replayed three times.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use segno_host::sandbox::{
    Capacity, Facts, Guest, Module, Moment, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_journal::{
    ChildEnd, Command, Event, NotTold, Op, Open, Request, Run, RunId, Signal, StepFailure,
    Timestamp, Turn, Verdict, divergence,
};
use segno_tests::basics;

/// How many runs are played. Each has its number as its seed, so a failing one can be played again.
const RUNS: u64 = 1_000;

/// How many events a run gets at most.
const MAX_TURNS: usize = 120;

const QUOTA: Quota = Quota {
    fuel_per_turn: 1_000_000_000,
    seconds: 60,
    memory: 32 << 20,
    commands_per_turn: 1_000,
    bytes_per_turn: 1 << 20,
    payload: 1 << 20,
};

#[test]
fn a_thousand_random_runs_never_diverge() {
    let sandbox = Sandbox::new(Some(&segno_tests::cache()), Capacity::default())
        .expect("the sandbox can be made");
    let module = sandbox.load(&basics()).expect("the component is good");
    let mut completed = 0;
    for seed in 0..RUNS {
        let turns = Play::new(&module, seed).play_out();
        completed += u64::from(turns.last().is_some_and(|turn| turn.verdict != Verdict::Waiting));
        for _ in 0..3 {
            replay(&module, seed, &turns).expect("the replay agrees with the record");
        }
    }
    assert!(completed > RUNS / 2, "only {completed} of {RUNS} runs came to their end");
}

/// Replays a run, and compares each of its turns with the record.
fn replay(module: &Module, seed: u64, turns: &[Turn]) -> Result<Guest, String> {
    let mut guest = module.instantiate(facts(seed), QUOTA).expect("there is room");
    for turn in turns {
        let moment = Moment { seq: turn.seq, at: turn.at };
        let output = guest
            .turn(&turn.event, moment, Tokens::recorded(&turn.commands))
            .map_err(|blocked| format!("run {seed}, turn {}: {blocked}", turn.seq))?;
        divergence::check(turn, &output.commands, &output.verdict)
            .map_err(|divergence| format!("run {seed}: {divergence}"))?;
        assert_eq!(output.commands, turn.commands, "run {seed}, turn {}", turn.seq);
        assert_eq!(output.log, turn.log, "run {seed}, turn {}", turn.seq);
    }
    Ok(guest)
}

fn facts(seed: u64) -> Facts {
    Facts {
        run: RunId::from_parts(Timestamp(0), seed.into()),
        workflow: "medley".into(),
        started_at: Timestamp(0),
        seed: [seed as u8; 32],
        parent: None,
    }
}

/// One run, and the world around it.
struct Play<'a> {
    module: &'a Module,
    seed: u64,
    random: SmallRng,
    guest: Guest,
    run: Run,
    now: u64,
    turns: Vec<Turn>,
}

impl<'a> Play<'a> {
    fn new(module: &'a Module, seed: u64) -> Self {
        let guest = module.instantiate(facts(seed), QUOTA).expect("there is room");
        let random = SmallRng::seed_from_u64(seed);
        Self { module, seed, random, guest, run: Run::new(), now: 0, turns: Vec::new() }
    }

    fn play_out(mut self) -> Vec<Turn> {
        let rounds = self.random.random_range(1..12);
        self.turn(Event::Started { input: rounds.to_string() });
        while !self.run.status().has_ended() && self.turns.len() < MAX_TURNS {
            let event = self.something();
            self.turn(event);
            self.perhaps_evict();
        }
        self.turns
    }

    /// One of the things that can happen now.
    fn something(&mut self) -> Event {
        // A signal needs nobody who waits for it.
        if self.random.random_ratio(1, 20) {
            return self.signal("told".to_owned());
        }
        if self.run.cleans_up() && self.random.random_ratio(1, 15) {
            return self.cancel();
        }
        let open = self.run.open().filter(|(_, open)| !open.is_of_the_end());
        let open: Vec<_> = open.map(|(op, open)| (op, open.clone())).collect();
        let (op, open) = &open[self.random.random_range(0..open.len())];
        match open {
            Open::Step { call, .. } if self.random.random_ratio(1, 4) => {
                let step = call.name.clone();
                let message = "it would not".to_owned();
                Event::StepFailed {
                    op: *op,
                    failure: StepFailure { step, attempts: 4, message, fatal: false },
                }
            }
            Open::Step { call, .. } => {
                let output = if call.name == "note" { "\"noted\"" } else { "1" };
                Event::StepCompleted { op: *op, output: output.into() }
            }
            Open::Sleep { until, .. } => {
                self.now = self.now.max(until.0);
                Event::Slept { op: *op }
            }
            Open::Webhook(_) => self.call(*op),
            Open::Hook(hook) if hook.claimed => {
                Event::HookReceived { op: *op, payload: self.payload() }
            }
            Open::Hook(_) if self.random.random_ratio(1, 3) => {
                Event::HookTaken { op: *op, owner: "run_1".into() }
            }
            Open::Hook(_) => Event::HookOpened { op: *op },
            Open::Signal(signal) => self.signal(signal.name.clone()),
            Open::Child(child) => self.child_ends(*op, child.cancelled),
            Open::Tell(_) if self.random.random_ratio(1, 3) => {
                Event::NotTold { op: *op, why: NotTold::Full }
            }
            Open::Tell(_) => Event::Told { op: *op },
            Open::Compensation(_) | Open::Shield { .. } => self.cancel(),
        }
    }

    fn cancel(&mut self) -> Event {
        let error = self.random.random_ratio(1, 3).then(|| "its time was over".to_owned());
        Event::Cancelling { by: None, error, within_ms: 1_000 }
    }

    fn child_ends(&mut self, op: Op, is_cancelled: bool) -> Event {
        let end = match self.random.random_range(0..3) {
            0 => ChildEnd::Completed("1".into()),
            1 => ChildEnd::Failed("it would not".into()),
            _ if is_cancelled => ChildEnd::Cancelled,
            // The child of a medley returns a number.
            _ => ChildEnd::Completed("null".into()),
        };
        Event::ChildEnded { op, end }
    }

    fn signal(&mut self, name: String) -> Event {
        let key =
            self.random.random_ratio(1, 2).then(|| self.random.random_range(0..9).to_string());
        let (number, payload) = (self.run.requests(), self.payload());
        Event::Signalled { signal: Signal { number, name, payload, key } }
    }

    /// Now and then one that does not fit.
    fn payload(&mut self) -> String {
        let payload = self.random.random_range(0..50);
        if payload == 0 { "null".to_owned() } else { payload.to_string() }
    }

    fn call(&mut self, op: Op) -> Event {
        let number = self.run.requests();
        let body = format!("call {}", self.random.next_u32()).into_bytes();
        let request =
            Request { number, method: "POST".into(), url: "/".into(), headers: vec![], body };
        Event::Requested { op, request }
    }

    fn turn(&mut self, event: Event) {
        if self.run.admits(&event).is_err() {
            return;
        }
        self.now += self.random.random_range(0..20);
        let seq = self.run.turns();
        let at = Timestamp(self.now);
        let token = format!("{:032x}", self.random.next_u64());
        let fresh = Tokens::Fresh(Box::new(move || WebhookAddress {
            token: token.clone(),
            url: format!("http://h/{token}"),
        }));
        let output = self
            .guest
            .turn(&event, Moment { seq, at }, fresh)
            .unwrap_or_else(|blocked| panic!("run {}, turn {seq}: {blocked}", self.seed));
        let commands = output.commands;
        let verdict = output.verdict;
        let log = output.log;
        let first_op = Op(self.run.operations());
        let turn = Turn { seq, first_op, at, event, commands, verdict, log };
        let run = std::mem::take(&mut self.run);
        self.run = run.apply(&turn).unwrap_or_else(|fault| panic!("run {}: {fault}", self.seed)).0;
        self.turns.push(turn);
    }

    /// Now and then the guest is dropped, and comes back from its turns or from an image.
    fn perhaps_evict(&mut self) {
        match self.random.random_range(0..12) {
            0 => self.guest = replay(self.module, self.seed, &self.turns).expect("it agrees"),
            1 => {
                let image =
                    self.guest.save().expect("it can be saved").expect("it holds no handle");
                self.guest =
                    self.module.instantiate(facts(self.seed), QUOTA).expect("there is room");
                self.guest.load(image).expect("the image fits");
            }
            _ => {}
        }
    }
}

#[test]
fn a_step_with_another_input_is_named_with_both_sides() {
    let sandbox = Sandbox::new(Some(&segno_tests::cache()), Capacity::default())
        .expect("the sandbox can be made");
    let module = sandbox.load(&basics()).expect("the component is good");
    let mut turns = Play::new(&module, 1).play_out();
    let changed =
        turns.iter_mut().flat_map(|turn| &mut turn.commands).find_map(|command| match command {
            Command::Step { name, .. } => Some(std::mem::replace(name, "other".into())),
            _ => None,
        });
    let name = changed.expect("run 1 calls a step");
    let told = replay(&module, 1, &turns).err().expect("it diverges");
    assert!(told.contains("the record says step `other`"), "{told}");
    assert!(told.contains(&format!("the code says step `{name}`")), "{told}");
}
