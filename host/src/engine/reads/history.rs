//! The history of a run, for people: what each turn did, in words.

use segno_api::{AttributeView, HistoryEntry, HistoryEvent, Json, when};
use segno_journal::retry::Attempt;
use segno_journal::{
    Blocked, ChildEnd, Command, Event, Failure, Fork, NotTold, Op, Retrial, RunId, Signal,
    StepFailure, Turn, Verdict,
};
use std::collections::{BTreeMap, VecDeque};

use crate::store::{Note, Noted, RunRecord};

/// Reads turns in order and tells them.
pub(crate) struct Teller {
    run: RunId,
    /// Of which runs the turns were, where the run is a fork.
    record: Option<RunRecord>,
    asked: BTreeMap<Op, Asked>,
    /// The failed attempts of steps, as long as they have not been told.
    attempts: BTreeMap<Op, Vec<Attempt>>,
    /// What was done to the run from outside, as long as it has not been told.
    notes: VecDeque<Note>,
    told: Vec<HistoryEntry>,
}

/// How a step was asked for.
pub(crate) struct Asked {
    /// The name of the step; nothing where the turn that asked for it was forgotten.
    pub(crate) name: Option<String>,
    /// The turn that asked for it, or the first one that was not forgotten since.
    pub(crate) turn: u64,
}

impl Teller {
    /// Tells turns of this run. Of each step that ends in one, it is known who asked for it, and which
    /// of its attempts failed; so it is of the steps that are not over, at the end of a history. The
    /// notes are those that stand before one of the turns, or behind the last one.
    pub(crate) fn new(
        (run, record): (RunId, Option<RunRecord>),
        asked: BTreeMap<Op, Asked>,
        attempts: BTreeMap<Op, Vec<Attempt>>,
        notes: Vec<Note>,
    ) -> Self {
        Self { run, record, asked, attempts, notes: notes.into(), told: Vec::new() }
    }

    /// Tells a turn, of which nothing is copied. The notes that stand before it, and the failed attempts
    /// of the step that ends in it, are told before it.
    pub(crate) fn tell(&mut self, turn: Turn) {
        let cancelled_by = self.tell_notes(&turn);
        let Turn { seq, first_op, at, event, commands, verdict, log } = turn;
        let event = self.event(event);
        let mut push = |event| self.told.push(HistoryEntry { turn: seq, at: when(at), event });
        event.into_iter().for_each(&mut push);
        for line in log {
            push(HistoryEvent::Log { level: line.level, message: line.message });
        }
        let run = self.record.as_ref().map_or(self.run, |record| record.told(self.run, seq).run);
        let mut op = first_op.0;
        for command in commands {
            let is_begun = command.starts_operation();
            push(told_command(run, op, command));
            op = op.saturating_add(is_begun.into());
        }
        match verdict {
            Verdict::Waiting => {}
            Verdict::Completed(output) => {
                push(HistoryEvent::RunCompleted { output: Json::of(output) })
            }
            Verdict::Failed(error) => {
                push(HistoryEvent::RunFailed { error, error_type: None, error_at: None });
            }
            Verdict::FailedAt(Failure { message: error, kind: error_type, place: error_at }) => {
                push(HistoryEvent::RunFailed { error, error_type, error_at });
            }
            Verdict::Cancelled => push(HistoryEvent::RunCancelled { by: cancelled_by }),
        }
    }

    /// Tells the notes that have not been told, and the attempts: those of steps that are not over.
    /// Gives all that was told.
    pub(crate) fn finish(mut self) -> Vec<HistoryEntry> {
        while let Some(note) = self.notes.pop_front() {
            self.tell_note(note);
        }
        while let Some((op, attempts)) = self.attempts.pop_first() {
            self.tell_attempts(op, attempts);
        }
        self.told
    }

    /// Tells the notes that stand before a turn. Who asked for a cancel is told by the turn that
    /// followed: this is given.
    fn tell_notes(&mut self, turn: &Turn) -> Option<String> {
        let mut cancelled_by = None;
        while let Some(note) = self.notes.pop_front_if(|note| note.turn <= turn.seq) {
            match note.what {
                Noted::Cancelled { by } if turn.verdict == Verdict::Cancelled => cancelled_by = by,
                Noted::Cancelled { .. }
                | Noted::Blocked { .. }
                | Noted::Resumed { .. }
                | Noted::Moved { .. }
                | Noted::Paused { .. } => self.tell_note(note),
            }
        }
        cancelled_by
    }

    fn tell_note(&mut self, note: Note) {
        let Note { turn, at, what } = note;
        let event = match what {
            Noted::Blocked { blocked: Blocked { kind, message }, event } => {
                HistoryEvent::RunBlocked { kind, message, event }
            }
            Noted::Resumed { by } => HistoryEvent::RunResumed { by },
            Noted::Paused { by } => HistoryEvent::RunPaused { by },
            Noted::Moved { by, from, to } => {
                HistoryEvent::ModuleChanged { by, from: from.to_string(), to: to.to_string() }
            }
            Noted::Cancelled { by } => HistoryEvent::RunCancelled { by },
        };
        self.told.push(HistoryEntry { turn, at: when(at), event });
    }

    fn event(&mut self, event: Event) -> Option<HistoryEvent> {
        Some(match event {
            Event::Started { input } => HistoryEvent::RunStarted { input: Json::of(input) },
            Event::StepCompleted { op, output } => {
                self.end_step(op);
                let name = self.asked.get(&op).and_then(|asked| asked.name.clone());
                HistoryEvent::StepCompleted { op: op.0, name, output: Json::of(output) }
            }
            Event::StepFailed { op, failure } => {
                self.end_step(op);
                let StepFailure { step: name, attempts, message: error, fatal } = failure;
                HistoryEvent::StepFailed { op: op.0, name, attempts, error, fatal }
            }
            Event::Slept { op } => HistoryEvent::SleepCompleted { op: op.0 },
            Event::Requested { op, request } => HistoryEvent::WebhookRequested {
                op: op.0,
                request: request.number,
                method: request.method,
                url: request.url,
                bytes: request.body.len(),
            },
            Event::Woken { op, by } => HistoryEvent::SleepWoken { op: op.0, by },
            Event::HookOpened { op } => HistoryEvent::HookOpened { op: op.0 },
            Event::HookTaken { op, owner } => HistoryEvent::HookTaken { op: op.0, owner },
            Event::HookReceived { op, payload } => {
                HistoryEvent::HookReceived { op: op.0, payload: Json::of(payload) }
            }
            Event::Signalled { signal: Signal { number, name, payload, key: _ } } => {
                HistoryEvent::SignalReceived { number, name, payload: Json::of(payload) }
            }
            Event::ChildEnded { op, end: ChildEnd::Completed(output) } => {
                HistoryEvent::ChildCompleted { op: op.0, output: Json::of(output) }
            }
            Event::ChildEnded { op, end: ChildEnd::Failed(error) } => {
                HistoryEvent::ChildFailed { op: op.0, error }
            }
            Event::ChildEnded { op, end: ChildEnd::Cancelled } => {
                HistoryEvent::ChildCancelled { op: op.0 }
            }
            Event::Told { op } => HistoryEvent::SignalDelivered { op: op.0 },
            Event::NotTold { op, why } => {
                HistoryEvent::SignalRefused { op: op.0, reason: why_not(why).to_owned() }
            }
            Event::Cancelling { by, error, within_ms } => {
                HistoryEvent::RunCancelling { by, error, within_ms }
            }
            Event::Retried { retrial } => {
                let Retrial { by, number: set_aside, steps, turns, operations: _ } = retrial;
                let steps = steps.into_iter().map(|op| op.0).collect();
                HistoryEvent::RunRetried { by, set_aside, turns, steps }
            }
            Event::Forked { fork } => {
                let Fork { by, from, inputs, steps } = fork;
                let inputs =
                    inputs.into_iter().map(|(op, input)| (op.0.to_string(), Json::of(input)));
                let steps = steps.into_iter().map(|op| op.0).collect();
                HistoryEvent::RunForked { by, from, inputs: inputs.collect(), steps }
            }
            // The verdict of the same turn says it.
            Event::Cancelled | Event::Expired { .. } => return None,
        })
    }

    fn end_step(&mut self, op: Op) {
        let attempts = self.attempts.remove(&op).unwrap_or_default();
        self.tell_attempts(op, attempts);
    }

    fn tell_attempts(&mut self, op: Op, attempts: Vec<Attempt>) {
        let asked = self.asked.get(&op);
        let turn = asked.map_or(0, |asked| asked.turn);
        let name = asked.and_then(|asked| asked.name.clone());
        for attempt in attempts {
            let Attempt { number, at, error, retry_at, first_at: _ } = attempt;
            let op = op.0;
            let name = name.clone();
            let retry_at = when(retry_at);
            let event = HistoryEvent::StepRetrying { op, name, attempt: number, error, retry_at };
            self.told.push(HistoryEntry { turn, at: when(at), event });
        }
    }
}

/// Why a run did not take a signal.
const fn why_not(why: NotTold) -> &'static str {
    match why {
        NotTold::Ended => "the run has ended, or never was",
        NotTold::Full => "too much lies there that its workflow has not taken",
        NotTold::Stranger => "the run is of another family",
        NotTold::LeftOut => "the run takes nothing until somebody lets it go on",
    }
}

/// A command, told. `op` is the number that it has if it begins an operation.
fn told_command(run: RunId, op: u64, command: Command) -> HistoryEvent {
    match command {
        Command::Step { name, input, .. } => HistoryEvent::StepStarted {
            op,
            step_id: format!("{run}:{op}"),
            name,
            input: Json::of(input),
        },
        Command::Sleep { until } => HistoryEvent::SleepStarted { op, until: when(until) },
        Command::Webhook { url, .. } => HistoryEvent::WebhookCreated { op, url },
        Command::Take { inbox } => HistoryEvent::Taken { op: inbox.0 },
        Command::Respond { request, response } => {
            HistoryEvent::Responded { request, status: response.status }
        }
        Command::Dispose { inbox } => HistoryEvent::Disposed { op: inbox.0 },
        Command::Hook { token, .. } => HistoryEvent::HookCreated { op, token },
        Command::Signal { name } => HistoryEvent::SignalOpened { op, name },
        Command::CancelSleep { sleep } => HistoryEvent::SleepCancelled { op: sleep.0 },
        Command::Publish { name, value } => {
            HistoryEvent::Published { name, value: Json::of(value) }
        }
        Command::SetAttribute { name, value } => {
            HistoryEvent::AttributeSet { name, value: AttributeView(value) }
        }
        Command::RemoveAttribute { name } => HistoryEvent::AttributeRemoved { name },
        Command::Write { stream, chunk } => {
            HistoryEvent::StreamWritten { stream, bytes: chunk.len() as u64 }
        }
        Command::CloseStream { stream } => HistoryEvent::StreamClosed { stream },
        Command::CancelStep { step } => HistoryEvent::StepCancelled { op: step.0 },
        Command::Child { run, workflow, input, policy: _ } => HistoryEvent::ChildStarted {
            op,
            run_id: run.to_string(),
            workflow,
            input: Json::of(input),
        },
        Command::CancelChild { child } => HistoryEvent::ChildCancelling { op: child.0 },
        Command::Compensation { name } => HistoryEvent::CompensationRegistered { op, name },
        Command::Keep { compensation } => HistoryEvent::CompensationKept { op: compensation.0 },
        Command::Unwind { error } => HistoryEvent::CleanupStarted { error },
        Command::Undo { compensation } => HistoryEvent::CompensationStarted { op: compensation.0 },
        Command::Undone { compensation, error: None } => {
            HistoryEvent::CompensationCompleted { op: compensation.0 }
        }
        Command::Undone { compensation, error: Some(error) } => {
            HistoryEvent::CompensationFailed { op: compensation.0, error }
        }
        Command::Shield => HistoryEvent::ShieldStarted { op },
        Command::Unshield { shield } => HistoryEvent::ShieldEnded { op: shield.0 },
        Command::Tell { to, name, payload } => HistoryEvent::SignalSent {
            op,
            run_id: to.to_string(),
            name,
            payload: Json::of(payload),
        },
    }
}
