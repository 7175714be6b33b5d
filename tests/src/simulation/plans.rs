//! What a life is made of: little programs, drawn at random, and how the attempts of steps end.

use guest_basics::family::Childhood;
use guest_basics::program::{Act, Program};
use guest_basics::work::{Mishap, Work};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use segno_host::steps::{Outcome, StepAttempt};
use segno_journal::retry;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::simulation::cuts::KEPT_WORKFLOW;

/// How deep a program is at most.
const DEPTH: u32 = 3;

/// How many leaves a program has at most. A sleep is told from the others by its length, so its
/// number must fit into that.
const LEAVES: u64 = 18;

/// The tokens of hooks: few, so that they are in use.
pub(crate) const TOKENS: [&str; 3] = ["order-1", "order-2", "order-3"];

/// The names of signals.
pub(crate) const NAMES: [&str; 3] = ["address", "note", "stop"];

/// The names of streams.
pub(crate) const STREAMS: [&str; 2] = ["told", "words"];

/// The names of attributes that programs set: one of them comes with each start.
pub(crate) const MARKS: [&str; 2] = ["phase", "weight"];

/// A workflow and its input.
pub(crate) fn plan(random: &mut ChaCha8Rng) -> (&'static str, Value) {
    match random.random_range(0..20) {
        0 | 1 => ("medley", json!(random.random_range(1..6))),
        // Long enough for images.
        2 => {
            let calls = random.random_range(1..4);
            let steps = random.random_range(10..50);
            ("rounds", json!({ "calls": calls, "steps": steps }))
        }
        3 | 4 => (KEPT_WORKFLOW, json!(random.random_range(5..30))),
        5 | 6 => ("nap", json!(random.random_range(0..2_000))),
        _ => ("program", serde_json::to_value(program(random)).expect("a program is JSON")),
    }
}

/// A little program.
pub(crate) fn program(random: &mut ChaCha8Rng) -> Program {
    let strict = random.random_ratio(1, 3);
    let mut author = Author { random, webhooks: Vec::new(), leaves: 0, signals: 0, tokens: 0 };
    // Many undo something at their end, whatever else they do.
    let undoes = author.random.random_ratio(1, 3).then(|| author.undo());
    let act = author.act(DEPTH);
    let act = match undoes {
        Some(undo) => Act::Each(vec![undo, act]),
        None => act,
    };
    Program { webhooks: author.webhooks, act, strict }
}

struct Author<'a> {
    random: &'a mut ChaCha8Rng,
    webhooks: Vec<bool>,
    leaves: u64,
    signals: usize,
    tokens: usize,
}

impl Author<'_> {
    fn act(&mut self, depth: u32) -> Act {
        match self.random.random_range(0..11) {
            _ if depth == 0 || self.leaves + 4 > LEAVES => self.leaf(),
            0..3 => self.leaf(),
            3..6 => Act::Each(self.some(depth)),
            6..8 => Act::All(self.some(depth)),
            10 => Act::Shield(Box::new(self.act(depth - 1))),
            8 => Act::First(Box::new(self.act(depth - 1)), Box::new(self.act(depth - 1))),
            _ => Act::Only(Box::new(self.act(depth - 1)), Box::new(self.act(depth - 1))),
        }
    }

    fn some(&mut self, depth: u32) -> Vec<Act> {
        (0..self.random.random_range(1..4)).map(|_| self.act(depth - 1)).collect()
    }

    fn leaf(&mut self) -> Act {
        let id = self.leaves;
        self.leaves += 1;
        match self.random.random_range(0..28) {
            25..28 => {
                let name = MARKS[self.random.random_range(0..MARKS.len())];
                Act::Mark(name.to_owned(), self.random.random_ratio(3, 4).then_some(id))
            }
            14..17 => {
                let sleeps = self.random.random_range(0..20_000);
                let tells = self.random.random_range(0..=NAMES.len());
                let tells = NAMES.get(tells).map(|name| (*name).to_owned());
                Act::Child(Childhood { id, sleeps, tells }, self.random.random())
            }
            17 => Act::Linger(self.random.random()),
            18..21 => Act::Write(self.stream(), id),
            21 => Act::Close(self.stream()),
            22..25 => self.undo(),
            0..5 => Act::Step(self.work(id)),
            5..8 => Act::Sleep(self.random.random_range(0..1_000) * 100 + id),
            8..10 if self.tokens < TOKENS.len() => {
                let token = TOKENS[self.tokens];
                self.tokens += 1;
                Act::Hook(token.to_owned(), self.random.random_range(0..3))
            }
            10..12 if self.signals < NAMES.len() => {
                let name = NAMES[self.signals];
                self.signals += 1;
                Act::Signals(name.to_owned(), self.random.random_range(1..3))
            }
            _ => {
                let is_manual = self.random.random();
                self.webhooks.push(is_manual);
                Act::Take(self.webhooks.len() - 1, self.random.random_range(1..4))
            }
        }
    }

    fn undo(&mut self) -> Act {
        let id = self.leaves;
        self.leaves += 1;
        Act::Undo(self.work(id), self.random.random_ratio(1, 4))
    }

    fn stream(&mut self) -> String {
        STREAMS[self.random.random_range(0..STREAMS.len())].to_owned()
    }

    fn work(&mut self, id: u64) -> Work {
        let fails = if self.random.random() { 0 } else { self.random.random_range(1..5) };
        let how = match self.random.random_range(0..6) {
            0 => Mishap::Fatal,
            1 => Mishap::Later(self.random.random_range(0..5_000)),
            2 => Mishap::Hangs,
            _ => Mishap::Error,
        };
        Work { id, fails, how }
    }
}

/// The input of the step `work`.
#[derive(Deserialize)]
pub(crate) struct WorkInput {
    pub(crate) work: Work,
}

/// How often the step that is called is attempted at most.
pub(crate) fn most_attempts(step: &str) -> u32 {
    if step == "work" { 3 } else { 4 }
}

/// How an attempt ends, if it comes to its end; well, where what it calls is mended.
pub(crate) fn outcome(attempt: &StepAttempt, is_mended: bool) -> Outcome {
    let call = &attempt.call;
    let input: Value = serde_json::from_str(&call.input).expect("an input is JSON");
    match call.name.as_str() {
        "work" => {
            let WorkInput { work } = serde_json::from_value(input).expect("it is told what to do");
            if is_mended || attempt.number > work.fails {
                return Outcome::Returned(work.id.to_string());
            }
            Outcome::Failed(mishap(&work, attempt.number))
        }
        "add" => {
            let [a, b] = ["a", "b"].map(|name| input[name].as_u64().expect("it is a number"));
            Outcome::Returned((a + b).to_string())
        }
        "note" => Outcome::Returned(input["text"].to_string()),
        other => panic!("no plan has the step `{other}`"),
    }
}

fn mishap(work: &Work, number: u32) -> retry::Mishap {
    let message = format!("attempt {number} of {} bad ones", work.fails);
    match work.how {
        Mishap::Fatal => retry::Mishap::Fatal { message },
        Mishap::Later(ms) => retry::Mishap::Failed { message, retry_after_ms: Some(ms) },
        Mishap::Error | Mishap::Hangs => retry::Mishap::Failed { message, retry_after_ms: None },
    }
}
