//! Whatever order the world chooses, folding the turns gives the state, and a replay agrees with the
//! record.
//!
//! The workflow here is a toy: what it asks for follows from a number that each event stirs, as the
//! memory of a guest follows from what was delivered to it.

use proptest::prelude::*;
use segno_journal::{
    Answer, AttributeValue, ChildEnd, ClosePolicy, Command, Event, NotTold, Op, Open, Refusal,
    Request, Run, RunId, Signal, StepFailure, StepOptions, Timestamp, Turn, Verdict, divergence,
};

/// A workflow whose memory is one number.
struct Toy {
    memory: u64,
    /// Webhooks and hooks that were opened, and how much of what came was not taken.
    webhooks: Vec<(Op, u64)>,
    /// Signals of the one name that were not taken.
    signals: u64,
    /// Who takes them in, if anybody does.
    takes_signals: Option<Op>,
    /// Compensations that have not begun, and the one that has.
    compensations: Vec<Op>,
    undoes: Option<Op>,
    /// Whether it was told to end, and whether it undoes what it did.
    told: bool,
    unwinds: bool,
    operations: u64,
}

impl Toy {
    const fn new(seed: u64) -> Self {
        Self {
            memory: seed,
            webhooks: Vec::new(),
            signals: 0,
            takes_signals: None,
            compensations: Vec::new(),
            undoes: None,
            told: false,
            unwinds: false,
            operations: 0,
        }
    }

    fn deliver(&mut self, event: &Event) -> (Vec<Command>, Verdict) {
        for byte in format!("{event:?}").bytes() {
            self.memory = (self.memory ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Event::HookTaken { op, .. } = event {
            self.webhooks.retain(|(hook, _)| hook != op);
        }
        self.signals += u64::from(matches!(event, Event::Signalled { .. }));
        self.told |= matches!(event, Event::Cancelling { .. });
        if let Event::Requested { op, .. } | Event::HookReceived { op, .. } = event {
            self.webhooks
                .iter_mut()
                .filter(|(webhook, _)| webhook == op)
                .for_each(|(_, left)| *left += 1);
        }
        let mut commands = Vec::new();
        // Something is always left to wait for.
        commands.push(Command::Sleep { until: Timestamp(self.memory % 10_000) });
        self.operations += 1;
        for _ in 0..self.draw(4) {
            let command = self.command();
            self.operations += u64::from(command.starts_operation());
            commands.push(command);
        }
        let verdict = match self.draw(40) {
            0 => Verdict::Completed("1".into()),
            1..8 if self.told => Verdict::Cancelled,
            _ => Verdict::Waiting,
        };
        if self.unwinds {
            // What it waited for is given up.
            commands.push(Command::Sleep { until: Timestamp(self.memory % 10_000) });
            self.operations += 1;
        }
        (commands, verdict)
    }

    fn command(&mut self) -> Command {
        let waiting = self.webhooks.iter().position(|(_, left)| *left > 0);
        let kind = self.draw(26);
        if let Some(command) = self.of_the_end(kind) {
            return command;
        }
        match (kind, waiting) {
            (10, _) => {
                let run = RunId::from_parts(Timestamp(1), self.operations.into());
                let policy =
                    if self.draw(2) == 0 { ClosePolicy::Cancel } else { ClosePolicy::Leave };
                Command::Child { run, workflow: "w".into(), input: "1".into(), policy }
            }
            (11, _) if self.operations > 0 => {
                Command::CancelChild { child: Op(self.draw(self.operations)) }
            }
            (12, _) => {
                let to = RunId::from_parts(Timestamp(1), self.draw(9).into());
                Command::Tell { to, name: "s".into(), payload: "1".into() }
            }
            (9 | 13 | 14 | 24 | 25, _) => self.of_a_name(kind),
            (8, _) if self.operations > 0 => {
                Command::CancelStep { step: Op(self.draw(self.operations)) }
            }
            (0, _) => {
                self.webhooks.push((Op(self.operations), 0));
                Command::Webhook { token: "t".into(), url: "u".into(), answer: Answer::Accepted }
            }
            (1, Some(at)) => {
                self.webhooks[at].1 -= 1;
                Command::Take { inbox: self.webhooks[at].0 }
            }
            (2, None) if !self.webhooks.is_empty() => {
                Command::Dispose { inbox: self.webhooks.swap_remove(0).0 }
            }
            (4, _) => {
                self.webhooks.push((Op(self.operations), 0));
                let chosen = self.draw(2) == 0;
                let token = if chosen { format!("t{}", self.draw(3)) } else { "drawn".to_owned() };
                Command::Hook { token, chosen, metadata: None }
            }
            (5, _) => {
                self.takes_signals = Some(Op(self.operations));
                Command::Signal { name: "s".into() }
            }
            (6, _) if self.signals > 0 && self.takes_signals.is_some() => {
                self.signals -= 1;
                Command::Take { inbox: self.takes_signals.unwrap_or(Op(0)) }
            }
            (7, _) if self.takes_signals.is_some() => {
                Command::Dispose { inbox: self.takes_signals.take().unwrap_or(Op(0)) }
            }
            (3, _) => Command::Sleep { until: Timestamp(self.draw(1000)) },
            _ => {
                let name = format!("step{}", self.draw(3));
                let input = self.draw(100).to_string();
                Command::Step { name, input, options: StepOptions::default() }
            }
        }
    }

    /// A command that is about the end of the run, if this is the kind of one.
    /// What the run shows, writes, or is found by, under one of few names.
    fn of_a_name(&mut self, kind: u64) -> Command {
        let name = format!("n{}", self.draw(3));
        match kind {
            9 => Command::Publish { name, value: "1".into() },
            13 => Command::Write { stream: name, chunk: "1".into() },
            14 => Command::CloseStream { stream: name },
            24 => Command::SetAttribute { name, value: AttributeValue::Boolean(self.draw(2) == 0) },
            _ => Command::RemoveAttribute { name },
        }
    }

    fn of_the_end(&mut self, kind: u64) -> Option<Command> {
        Some(match kind {
            16 | 17 => {
                self.compensations.push(Op(self.operations));
                Command::Compensation { name: "undo".into() }
            }
            18 if self.undoes.is_none() && !self.compensations.is_empty() => {
                Command::Keep { compensation: self.compensations.remove(0) }
            }
            19 => Command::Shield,
            20 if self.operations > 0 => {
                Command::Unshield { shield: Op(self.draw(self.operations)) }
            }
            21 if !self.unwinds => {
                self.unwinds = true;
                Command::Unwind { error: (!self.told).then(|| "no".to_owned()) }
            }
            22 if self.unwinds && self.undoes.is_none() && !self.compensations.is_empty() => {
                let compensation = self.compensations.swap_remove(0);
                self.undoes = Some(compensation);
                Command::Undo { compensation }
            }
            23 if self.undoes.is_some() => {
                let compensation = self.undoes.take().unwrap_or(Op(0));
                Command::Undone { compensation, error: None }
            }
            _ => return None,
        })
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.memory = self.memory.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.memory >> 33) % below
    }
}

/// Plays a run: each choice says which of the open operations something happens to.
fn play(seed: u64, choices: &[(prop::sample::Index, bool)]) -> (Run, Vec<Turn>) {
    let mut toy = Toy::new(seed);
    let mut run = Run::new();
    let mut turns = Vec::new();
    let mut event = Event::Started { input: "1".into() };
    for (choice, goes_well) in choices {
        let (commands, verdict) = toy.deliver(&event);
        let turn = Turn {
            seq: run.turns(),
            first_op: Op(run.operations()),
            at: Timestamp(turns.len() as u64),
            event,
            commands,
            verdict,
            log: vec![],
        };
        run = run.apply(&turn).expect("the toy keeps the rules").0;
        turns.push(turn);
        if run.status().has_ended() {
            break;
        }
        let open: Vec<_> = run.open().collect();
        let (op, open) = open[choice.index(open.len())];
        event = happening(op, open, run.requests(), *goes_well);
        // A signal needs nobody who waits for it.
        if choice.index(7) == 0 {
            event = signalled(run.requests(), *goes_well);
        }
        // A webhook that is disposed of takes nothing more; time goes on for what is left.
        while run.admits(&event).is_err() {
            let sleep = run
                .open()
                .find(|(_, open)| matches!(open, Open::Sleep { .. }))
                .expect("one is always left");
            event = Event::Slept { op: sleep.0 };
        }
    }
    (run, turns)
}

fn happening(op: Op, open: &Open, number: u64, goes_well: bool) -> Event {
    match open {
        Open::Step { .. } if goes_well => Event::StepCompleted { op, output: "1".into() },
        Open::Step { call, .. } => {
            let step = call.name.clone();
            let message = "no".to_owned();
            Event::StepFailed {
                op,
                failure: StepFailure { step, attempts: 1, message, fatal: false },
            }
        }
        Open::Sleep { .. } if goes_well => Event::Slept { op },
        Open::Sleep { .. } => Event::Woken { op, by: None },
        Open::Hook(hook) if hook.claimed => Event::HookReceived { op, payload: "1".into() },
        Open::Hook(_) if goes_well => Event::HookOpened { op },
        Open::Hook(_) => Event::HookTaken { op, owner: "run_1".into() },
        Open::Signal(_) => signalled(number, goes_well),
        Open::Child(_) if goes_well => {
            Event::ChildEnded { op, end: ChildEnd::Completed("1".into()) }
        }
        Open::Child(child) if child.cancelled => Event::ChildEnded { op, end: ChildEnd::Cancelled },
        Open::Child(_) => Event::ChildEnded { op, end: ChildEnd::Failed("no".into()) },
        Open::Tell(_) if goes_well => Event::Told { op },
        Open::Tell(_) => Event::NotTold { op, why: NotTold::Ended },
        Open::Compensation(_) | Open::Shield { .. } => {
            let error = (!goes_well).then(|| "its time was over".to_owned());
            Event::Cancelling { by: None, error, within_ms: 5 }
        }
        Open::Webhook(_) => {
            let method = "POST".to_owned();
            let url = "/".to_owned();
            Event::Requested {
                op,
                request: Request { number, method, url, headers: vec![], body: vec![1] },
            }
        }
    }
}

fn signalled(number: u64, has_key: bool) -> Event {
    let key = has_key.then(|| format!("k{}", number % 3));
    Event::Signalled { signal: Signal { number, name: "s".into(), payload: "{}".into(), key } }
}

fn choices() -> impl Strategy<Value = Vec<(prop::sample::Index, bool)>> {
    prop::collection::vec(any::<(prop::sample::Index, bool)>(), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_replay_agrees_with_the_record_three_times(seed: u64, choices in choices()) {
        let (run, turns) = play(seed, &choices);
        for _ in 0..3 {
            let mut toy = Toy::new(seed);
            let mut folded = Run::new();
            for turn in &turns {
                let (commands, verdict) = toy.deliver(&turn.event);
                prop_assert_eq!(divergence::check(turn, &commands, &verdict), Ok(()));
                folded = folded.apply(turn).expect("what was applied once can be applied again").0;
                // As an image of it is stored and read.
                let stored = postcard::to_allocvec(&folded).expect("it can be written");
                let read: Run = postcard::from_bytes(&stored).expect("it can be read");
                prop_assert_eq!(&read, &folded);
            }
            prop_assert_eq!(&folded, &run);
        }
    }

    #[test]
    fn no_operation_ends_twice(seed: u64, choices in choices()) {
        let (run, turns) = play(seed, &choices);
        for turn in &turns {
            if let Event::StepCompleted { op, .. } | Event::StepFailed { op, .. } | Event::Slept { op } = &turn.event {
                prop_assert!(run.operation(*op).is_none());
                let refusal = run.admits(&turn.event).expect_err("it is over");
                prop_assert!(matches!(refusal, Refusal::NotOpen(_) | Refusal::Ended));
            }
        }
    }

    #[test]
    fn other_code_is_told_from_the_one_that_was_recorded(seed: u64, choices in choices()) {
        let (_, turns) = play(seed, &choices);
        let mut other = Toy::new(seed ^ 1);
        let told = turns.iter().find_map(|turn| {
            let (commands, verdict) = other.deliver(&turn.event);
            divergence::check(turn, &commands, &verdict).err()
        });
        // The toy stirs its seed into the moment of its first sleep.
        let told = told.expect("the first turn differs");
        prop_assert_eq!((told.seq, told.position), (0, Some(0)));
        prop_assert!(told.recorded.is_some() && told.given.is_some());
    }
}
