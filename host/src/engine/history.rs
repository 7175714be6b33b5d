//! The history of a run, for people: what each turn did, in words.

use segno_journal::retry::Attempt;
use segno_journal::{Command, Event, Op, RunId, Turn, Verdict};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::engine::view::{HistoryEntry, HistoryEvent};
use crate::engine::when;

/// Reads turns in order and tells them.
pub(crate) struct Teller {
    run: RunId,
    operations: u64,
    /// Steps that are open, and the turn that asked for them.
    steps: BTreeMap<Op, (String, u64)>,
    told: Vec<HistoryEntry>,
}

impl Teller {
    pub(crate) const fn new(run: RunId) -> Self {
        Self { run, operations: 0, steps: BTreeMap::new(), told: Vec::new() }
    }

    /// Takes note of a turn without telling it.
    pub(crate) fn skip(&mut self, turn: &Turn) {
        let told = std::mem::take(&mut self.told);
        self.tell(turn, &[]);
        self.told = told;
    }

    /// Tells a turn. `attempts` are the failed attempts of the run's steps, of which those of the
    /// step that ends in this turn are told before it.
    pub(crate) fn tell(&mut self, turn: &Turn, attempts: &[(Op, Attempt)]) {
        self.tell_event(turn, attempts);
        for line in &turn.log {
            self.push(turn, HistoryEvent::Log { level: line.level, message: line.message.clone() });
        }
        for command in &turn.commands {
            let event = self.command(turn, command);
            self.push(turn, event);
        }
        match &turn.verdict {
            Verdict::Waiting => {}
            Verdict::Completed(output) => {
                self.push(turn, HistoryEvent::RunCompleted { output: json(output) });
            }
            Verdict::Failed(error) => self.push(turn, HistoryEvent::RunFailed { error: error.clone() }),
            Verdict::Cancelled => self.push(turn, HistoryEvent::RunCancelled),
        }
    }

    /// Tells the attempts of the steps that have not ended, and gives all that was told.
    pub(crate) fn finish(mut self, attempts: &[(Op, Attempt)]) -> Vec<HistoryEntry> {
        let open = std::mem::take(&mut self.steps);
        for (op, (_, turn)) in open {
            self.tell_attempts(op, turn, attempts);
        }
        self.told
    }

    /// What was told.
    pub(crate) fn into_told(self) -> Vec<HistoryEntry> {
        self.told
    }

    fn tell_event(&mut self, turn: &Turn, attempts: &[(Op, Attempt)]) {
        let event = match &turn.event {
            Event::Started { input } => HistoryEvent::RunStarted { input: json(input) },
            Event::StepCompleted { op, output } => {
                let name = self.end_step(*op, attempts);
                HistoryEvent::StepCompleted { op: op.0, name, output: json(output) }
            }
            Event::StepFailed { op, failure } => {
                let name = self.end_step(*op, attempts);
                let (attempts, fatal) = (failure.attempts, failure.fatal);
                HistoryEvent::StepFailed { op: op.0, name, attempts, error: failure.message.clone(), fatal }
            }
            Event::Slept { op } => HistoryEvent::SleepCompleted { op: op.0 },
            Event::Requested { op, request } => HistoryEvent::WebhookRequested {
                op: op.0,
                request: request.number,
                method: request.method.clone(),
                url: request.url.clone(),
                bytes: request.body.len(),
            },
            // The verdict of the same turn says it.
            Event::Cancelled => return,
        };
        self.push(turn, event);
    }

    fn end_step(&mut self, op: Op, attempts: &[(Op, Attempt)]) -> String {
        let (name, asked_in) = self.steps.remove(&op).unwrap_or_default();
        self.tell_attempts(op, asked_in, attempts);
        name
    }

    fn tell_attempts(&mut self, op: Op, asked_in: u64, attempts: &[(Op, Attempt)]) {
        for (_, attempt) in attempts.iter().filter(|(of, attempt)| *of == op && attempt.number > 0) {
            let event = HistoryEvent::StepRetrying {
                op: op.0,
                attempt: attempt.number,
                error: attempt.error.clone(),
                retry_at: when(attempt.retry_at),
            };
            self.told.push(HistoryEntry { turn: asked_in, at: when(attempt.at), event });
        }
    }

    fn command(&mut self, turn: &Turn, command: &Command) -> HistoryEvent {
        let op = self.operations;
        if command.starts_operation() {
            self.operations += 1;
        }
        match command {
            Command::Step { name, input, .. } => {
                self.steps.insert(Op(op), (name.clone(), turn.seq));
                let step_id = format!("{}:{op}", self.run);
                HistoryEvent::StepStarted { op, step_id, name: name.clone(), input: json(input) }
            }
            Command::Sleep { until } => HistoryEvent::SleepStarted { op, until: when(*until) },
            Command::Webhook { url, .. } => HistoryEvent::WebhookCreated { op, url: url.clone() },
            Command::Take { webhook } => HistoryEvent::WebhookTaken { op: webhook.0 },
            Command::Respond { request, response } => {
                HistoryEvent::WebhookResponded { request: *request, status: response.status }
            }
            Command::Dispose { webhook } => HistoryEvent::WebhookDisposed { op: webhook.0 },
            Command::CancelSleep { sleep } => HistoryEvent::SleepCancelled { op: sleep.0 },
        }
    }

    fn push(&mut self, turn: &Turn, event: HistoryEvent) {
        self.told.push(HistoryEntry { turn: turn.seq, at: when(turn.at), event });
    }
}

/// JSON as it is shown. What is not JSON, which only a damaged record can hold, is shown as text.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
