//! A run to which anything happens that can.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use segno_journal::retry::Attempt;
use segno_journal::{
    Answer, Command, Event, Op, Open, Request, Run, StepFailure, StepOptions, Timestamp, Turn,
    Verdict,
};

pub(crate) fn step(name: String) -> Command {
    Command::Step { name, input: "1".into(), options: StepOptions::default() }
}

/// What a run had of turns and of failed attempts, each of these before the turn that ends its step.
#[derive(Default)]
pub(crate) struct Life {
    pub(crate) turns: Vec<Turn>,
    pub(crate) attempts: BTreeMap<Op, Vec<Attempt>>,
}

/// A run to which anything happens that can.
pub(crate) fn life(seed: u64, length: usize) -> Life {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut life = Life::default();
    let mut state = Run::new();
    let mut event = Event::Started { input: "1".into() };
    while life.turns.len() < length {
        let seq = state.turns();
        let first_op = Op(state.operations());
        let numbers = 0..random.random_range(0..4);
        let mut commands: Vec<_> = numbers
            .map(|number| match random.random_range(0..4) {
                0 => Command::Webhook {
                    token: format!("{seq}.{number}"),
                    url: format!("http://h/{seq}.{number}"),
                    answer: Answer::Accepted,
                },
                _ => step(format!("step {seq}.{number}")),
            })
            .collect();
        // Something is always left to wait for.
        let position = random.random_range(0..=commands.len());
        commands.insert(position, Command::Sleep { until: Timestamp(seq) });
        let turn = Turn {
            seq,
            first_op,
            at: Timestamp(seq),
            event,
            commands,
            verdict: Verdict::Waiting,
            log: vec![],
        };
        state = state.apply(&turn).expect("all that happens can").0;
        life.turns.push(turn);
        let open: Vec<_> = state.open().collect();
        let (op, open) = open[random.random_range(0..open.len())];
        let name = match open {
            Open::Step { call, .. } => Some(call.name.clone()),
            _ => None,
        };
        if name.is_some() && random.random_bool(0.5) {
            life.attempts.entry(op).or_default().extend((1..3).map(|number| failed(op, number)));
        }
        event = match (name, open) {
            (Some(_), _) if random.random_bool(0.7) => {
                Event::StepCompleted { op, output: "2".into() }
            }
            (Some(step), _) => {
                let failure = StepFailure { step, attempts: 4, message: "no".into(), fatal: false };
                Event::StepFailed { op, failure }
            }
            (None, Open::Webhook { .. }) => {
                Event::Requested { op, request: request(state.requests()) }
            }
            (None, _) => Event::Slept { op },
        };
    }
    let left = state.open().filter(|(_, open)| matches!(open, Open::Step { .. }));
    for (op, _) in left.filter(|_| random.random_bool(0.3)) {
        life.attempts.insert(op, vec![failed(op, 1)]);
    }
    life
}

pub(crate) fn failed(op: Op, number: u32) -> Attempt {
    let at = Timestamp(op.0);
    Attempt {
        number,
        at,
        error: format!("{op}, attempt {number}"),
        retry_at: at.plus_ms(1),
        first_at: at,
    }
}

pub(crate) fn request(number: u64) -> Request {
    let method = "POST".to_owned();
    let url = "/".to_owned();
    Request { number, method, url, headers: vec![], body: vec![1] }
}
