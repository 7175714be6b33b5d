//! What happened to a run, as a text for people: one line for each entry of its history. For a terminal and for a page.

mod cleanup;
mod head;
mod run;
mod words;

use jiff::Timestamp;
use segno_api::{HistoryEntry, HistoryEvent, Json, RunView, Wait, printable};
use segno_journal::Level;

pub(crate) use crate::timeline::words::{between, digest, duration, moment, printable_lines, why};

/// Shows one run.
pub(crate) struct Timeline<'a> {
    view: &'a RunView,
    now: Timestamp,
    /// How much of a value is shown, in characters.
    limit: usize,
}

/// How wide the column of times is: `12d 23h` fits.
const TIMES: usize = 9;

/// Of how much that a run waits for is told where it is not asked for all.
const WAITS: usize = 20;

impl<'a> Timeline<'a> {
    /// Shows this run, as it is seen now, with so many characters of each value.
    pub(crate) const fn new(view: &'a RunView, now: Timestamp, limit: usize) -> Self {
        Self { view, now, limit }
    }

    /// What stands above the history.
    pub(crate) fn head(&self) -> String {
        let RunView {
            run_id,
            workflow,
            status,
            module,
            started_at,
            begins_at,
            times_out_at,
            ended_at,
            parent,
            forked_from,
            turns,
            input,
            on_end,
            ..
        } = self.view;
        let calls = on_end.as_ref().map_or_else(String::new, |on_end| self.call(on_end));
        let module = digest(module);
        let parent = parent.as_ref().map_or_else(String::new, |parent| {
            format!("\n  child    #{} of {}", parent.op, parent.run_id)
        });
        let forked = forked_from.as_ref().map_or_else(String::new, |from| {
            format!("\n  forked   from {} before turn {}", from.run_id, from.turn)
        });
        let begins = begins_at.map(|at| format!("\n  begins   {}", moment(at, self.now)));
        let times_out = times_out_at.filter(|_| ended_at.is_none());
        let times_out = times_out.map(|at| format!("\n  time-out {}", moment(at, self.now)));
        let times = [begins, times_out].into_iter().flatten().collect::<String>();
        let ended = ended_at.map_or_else(String::new, |ended| {
            format!(
                "\n  ended    {} after {}",
                moment(ended, self.now),
                duration(between(*started_at, ended))
            )
        });
        format!(
            "{run_id}  {workflow}  {}\n  module   {module}{parent}{forked}\n  started  {}{times}{ended}{calls}\n  turns    {turns}{}\n  input    {}\n",
            status.word(),
            moment(*started_at, self.now),
            self.found_by(),
            self.shown(input.get()),
        )
    }

    /// One line of the history: how long after the start, and what.
    pub(crate) fn entry(&self, entry: &HistoryEntry) -> String {
        format!("  {:<TIMES$} {}", self.offset(entry.at), self.event(&entry.event))
    }

    /// How long after the start of the run a moment is.
    pub(crate) fn offset(&self, at: Timestamp) -> String {
        let started_at = self.view.started_at;
        // A fork has turns from before its start.
        match at < started_at {
            true => format!("-{}", duration(between(at, started_at))),
            false => format!("+{}", duration(between(started_at, at))),
        }
    }

    /// What stands above the history, and below it again, if anything does: what the run waits for, or why it does not
    /// go on.
    pub(crate) fn foot(&self) -> Option<String> {
        let blocked = self.view.blocked.iter().flat_map(|blocked| {
            let message = self.whole(&blocked.message);
            let at = blocked.at.map_or_else(String::new, |at| format!(" {}", moment(at, self.now)));
            let resume =
                format!("when that is mended: resume {} [--module DIGEST]", self.view.run_id);
            [String::new(), format!("blocked ({}){at}: {message}", blocked.kind), resume]
        });
        let heading = (!self.view.waits_for.is_empty()).then(|| "\nwaits for".to_owned());
        let shown = if self.limit == usize::MAX { usize::MAX } else { WAITS };
        let waits =
            self.view.waits_for.iter().take(shown).map(|wait| format!("  {}", self.wait(wait)));
        let others = self.view.waits_for.len().saturating_sub(shown);
        let others = (others > 0).then(|| format!("  and {others} more, which --full shows"));
        let cleanup = self.view.cleanup.as_ref().map(|cleanup| self.undoes(cleanup));
        let cleanup = cleanup.into_iter().flatten();
        let lines: Vec<_> =
            blocked.chain(heading).chain(waits).chain(others).chain(cleanup).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// What happened, as a sentence.
    pub(crate) fn event(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::RunStarted { input: _ } => "the run began".to_owned(),
            E::StepStarted { .. }
            | E::StepRetrying { .. }
            | E::StepCompleted { .. }
            | E::StepFailed { .. }
            | E::StepCancelled { .. }
            | E::SleepStarted { .. }
            | E::SleepCancelled { .. }
            | E::SleepCompleted { .. }
            | E::SleepWoken { .. } => self.work(event),
            E::WebhookCreated { .. }
            | E::WebhookRequested { .. }
            | E::Taken { .. }
            | E::Responded { .. }
            | E::Disposed { .. }
            | E::HookCreated { .. }
            | E::HookOpened { .. }
            | E::HookTaken { .. }
            | E::HookReceived { .. }
            | E::SignalOpened { .. }
            | E::SignalReceived { .. }
            | E::Published { .. }
            | E::AttributeSet { .. }
            | E::AttributeRemoved { .. }
            | E::StreamWritten { .. }
            | E::StreamClosed { .. } => self.talk(event),
            E::ChildStarted { .. }
            | E::ChildCompleted { .. }
            | E::ChildFailed { .. }
            | E::ChildCancelled { .. }
            | E::ChildCancelling { .. }
            | E::SignalSent { .. }
            | E::SignalDelivered { .. }
            | E::SignalRefused { .. } => self.family(event),
            E::CompensationRegistered { .. }
            | E::CompensationKept { .. }
            | E::RunCancelling { .. }
            | E::CleanupStarted { .. }
            | E::CompensationStarted { .. }
            | E::CompensationCompleted { .. }
            | E::CompensationFailed { .. }
            | E::ShieldStarted { .. }
            | E::ShieldEnded { .. } => self.cleanup(event),
            E::Log { level, message } => self.log(*level, message),
            E::RunCompleted { .. }
            | E::RunFailed { .. }
            | E::RunCancelled { .. }
            | E::RunBlocked { .. }
            | E::RunResumed { .. }
            | E::RunPaused { .. }
            | E::RunRetried { .. }
            | E::RunForked { .. }
            | E::ModuleChanged { .. } => self.run(event),
        }
    }

    /// Steps and sleeps. Of all else, nothing.
    fn work(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::StepStarted { op, name, input, .. } => {
                format!("step #{op} {} {}", self.whole(name), self.json(input))
            }
            E::StepRetrying { op, name, attempt, error, retry_at } => {
                let name = name.as_ref().map_or_else(String::new, |name| self.whole(name) + " ");
                let due = moment(*retry_at, self.now);
                let error = self.shown(error);
                format!("step #{op} {name}attempt {attempt} failed: {error}; next one due {due}")
            }
            E::StepCompleted { op, name: Some(name), output } => {
                format!("step #{op} {} gave {}", self.whole(name), self.json(output))
            }
            // The turn that asked for it was forgotten, and with it the name.
            E::StepCompleted { op, name: None, output } => {
                format!("step #{op} gave {}", self.json(output))
            }
            E::StepFailed { op, name, attempts, error, fatal } => {
                let how = if *fatal { "fatally in" } else { "in the last of" };
                let attempts = counted(*attempts, "attempt");
                let error = self.shown(error);
                format!("step #{op} {} failed {how} {attempts}: {error}", self.whole(name))
            }
            E::SleepStarted { op, until } => self.sleep(*op, *until),
            E::SleepCancelled { op } => format!("sleep #{op} given up"),
            E::SleepCompleted { op } => format!("sleep #{op} is over"),
            E::SleepWoken { op, by } => format!("sleep #{op} was ended early{}", self.by(by)),
            E::StepCancelled { op } => format!("step #{op} given up"),
            _ => String::new(),
        }
    }

    fn log(&self, level: Level, message: &str) -> String {
        format!("{:<5} {}", format!("{level:?}").to_lowercase(), self.shown(message))
    }

    /// What came from outside, and what became of it. Of all else, nothing.
    fn talk(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::WebhookCreated { op, url } => format!("webhook #{op} opened at {}", self.whole(url)),
            E::WebhookRequested { op, request, method, url: _, bytes } => {
                let method = self.shown(method);
                format!("webhook #{op} was called: request {request}, {method}, {bytes} bytes")
            }
            E::Taken { op } => format!("#{op}: the oldest that had come was taken"),
            E::Responded { request, status } => {
                format!("request {request} was answered with {status}")
            }
            E::Disposed { op } => format!("#{op} closed"),
            E::HookCreated { op, token } => format!("hook #{op} {}", self.whole(token)),
            E::HookOpened { op } => format!("hook #{op} has its token"),
            E::HookTaken { op, owner } => {
                format!("hook #{op}: the token is in use by {}", self.whole(owner))
            }
            E::HookReceived { op, payload } => {
                format!("hook #{op} was sent {}", self.json(payload))
            }
            E::SignalOpened { op, name } => format!("signal #{op} {}", self.whole(name)),
            E::SignalReceived { number, name, payload } => {
                format!("signal {number} {} came with {}", self.whole(name), self.json(payload))
            }
            E::Published { name, value } => {
                format!("published {} {}", self.whole(name), self.json(value))
            }
            E::AttributeSet { name, value } => {
                format!("attribute {name} set to {}", self.shown(&value.to_string()))
            }
            E::AttributeRemoved { name } => format!("attribute {name} removed"),
            E::StreamWritten { stream, bytes } => {
                format!("wrote {bytes} bytes to stream {}", self.whole(stream))
            }
            E::StreamClosed { stream } => format!("closed stream {}", self.whole(stream)),
            _ => String::new(),
        }
    }

    /// What became of children, and of what was said to the family. Of all else, nothing.
    fn family(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::ChildStarted { op, run_id, workflow, input } => {
                let workflow = self.whole(workflow);
                format!("child #{op} {workflow} {run_id} with {}", self.json(input))
            }
            E::ChildCompleted { op, output } => format!("child #{op} gave {}", self.json(output)),
            E::ChildFailed { op, error } => format!("child #{op} failed: {}", self.whole(error)),
            E::ChildCancelled { op } => format!("child #{op} was cancelled"),
            E::ChildCancelling { op } => format!("child #{op} is to be cancelled"),
            E::SignalSent { op, run_id, name, payload } => {
                format!("signal #{op} {} to {run_id}: {}", self.whole(name), self.json(payload))
            }
            E::SignalDelivered { op } => format!("signal #{op} was taken"),
            E::SignalRefused { op, reason } => {
                format!("signal #{op} was not taken: {}", self.whole(reason))
            }
            _ => String::new(),
        }
    }

    fn sleep(&self, op: u64, until: Timestamp) -> String {
        format!("sleep #{op} until {}", moment(until, self.now))
    }

    /// What the run waits for, since when, and until when.
    pub(crate) fn wait(&self, wait: &Wait) -> String {
        match wait {
            Wait::Step { op, name, missing: true, since, .. } => {
                let name = self.whole(name);
                let since = moment(*since, self.now);
                format!(
                    "step #{op} {name}, which this host lacks: start a host that has it; asked for {since}"
                )
            }
            Wait::Step { op, name, since, attempt, last_error, retry_at, heartbeat, .. } => {
                let since = moment(*since, self.now);
                let name = self.whole(name);
                let says = heartbeat.as_ref().map(|said| format!(", says {}", self.json(said)));
                let says = says.unwrap_or_default();
                let begun =
                    format!("step #{op} {name}, attempt {attempt}, asked for {since}{says}");
                match (last_error, retry_at) {
                    (Some(error), Some(at)) => {
                        let at = moment(*at, self.now);
                        format!(
                            "{begun}; due {at}, because the last attempt failed: {}",
                            self.shown(error)
                        )
                    }
                    (Some(error), None) => {
                        format!("{begun}; the last attempt failed: {}", self.shown(error))
                    }
                    (None, _) => begun,
                }
            }
            Wait::Sleep { op, until, .. } => self.sleep(*op, *until),
            Wait::Webhook { op, url, untaken, .. } => {
                format!("webhook #{op} at {}{}", self.whole(url), left(*untaken))
            }
            Wait::Hook { op, token, untaken, .. } => {
                format!("hook #{op} {}{}", self.whole(token), left(*untaken))
            }
            Wait::Signal { op, name, untaken, .. } => {
                format!("signal #{op} {}{}", self.whole(name), left(*untaken))
            }
            Wait::Child { op, run_id, workflow, .. } => {
                format!("child #{op} {} {run_id}", self.whole(workflow))
            }
            Wait::Delivery { op, run_id, name, .. } => {
                format!("signal #{op} {} to {run_id}, which has not taken it", self.whole(name))
            }
        }
    }

    /// Who asked, where that is known.
    fn by(&self, name: &Option<String>) -> String {
        name.as_ref().map_or_else(String::new, |name| format!(" by {}", self.whole(name)))
    }

    fn json(&self, value: &Json) -> String {
        self.shown(value.as_str())
    }

    fn shown(&self, text: &str) -> String {
        printable(text, self.limit)
    }

    /// What is of no use in parts, such as a URL.
    #[expect(clippy::unused_self, reason = "it stands beside `shown`, and is called as it is")]
    fn whole(&self, text: &str) -> String {
        printable(text, usize::MAX)
    }
}

/// How much lies untaken, if anything does.
fn left(untaken: usize) -> String {
    if untaken == 0 { String::new() } else { format!(", {untaken} untaken") }
}

fn counted(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests;
