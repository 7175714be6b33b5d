//! What happened to a run, as a text for people: one line for each entry of its history.

use jiff::Timestamp;

use crate::cli::text::{self, between, duration, moment};
use crate::engine::{HistoryEntry, HistoryEvent, Json, RunView, Wait};

/// Shows one run.
pub(super) struct Timeline<'a> {
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
    pub(super) const fn new(view: &'a RunView, now: Timestamp, limit: usize) -> Self {
        Self { view, now, limit }
    }

    /// What stands above the history.
    pub(super) fn head(&self) -> String {
        let RunView {
            run_id, workflow, status, module, started_at, ended_at, turns, input, ..
        } = self.view;
        let ended = ended_at.map_or_else(String::new, |ended| {
            format!(
                "\n  ended    {} after {}",
                moment(ended, self.now),
                duration(between(*started_at, ended))
            )
        });
        format!(
            "{run_id}  {workflow}  {}\n  module   {module}\n  started  {}{ended}\n  turns    {turns}\n  input    {}\n",
            text::status(*status),
            moment(*started_at, self.now),
            self.shown(input.get()),
        )
    }

    /// One line of the history: how long after the start, and what.
    pub(super) fn entry(&self, entry: &HistoryEntry) -> String {
        let offset = format!("+{}", duration(between(self.view.started_at, entry.at)));
        format!("  {offset:<TIMES$} {}", self.event(&entry.event))
    }

    /// What stands above the history, and below it again, if anything does: what the run waits for, or why it does not
    /// go on.
    pub(super) fn foot(&self) -> Option<String> {
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
        let lines: Vec<_> = blocked.chain(heading).chain(waits).chain(others).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn event(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::RunStarted { input: _ } => "the run began".to_owned(),
            E::StepStarted { op, name, input, .. } => {
                format!("step #{op} {} {}", self.whole(name), self.json(input))
            }
            E::StepRetrying { op, name, attempt, error, retry_at } => {
                let due = moment(*retry_at, self.now);
                let name =
                    name.as_ref().map_or_else(String::new, |name| format!(" {}", self.whole(name)));
                format!(
                    "step #{op}{name} attempt {attempt} failed: {}; next one due {due}",
                    self.shown(error)
                )
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
                let (name, error) = (self.whole(name), self.shown(error));
                format!("step #{op} {name} failed {how} {}: {error}", counted(*attempts, "attempt"))
            }
            E::SleepStarted { op, until } => {
                format!("sleep #{op} until {}", moment(*until, self.now))
            }
            E::SleepCancelled { op } => format!("sleep #{op} given up"),
            E::SleepCompleted { op } => format!("sleep #{op} is over"),
            E::WebhookCreated { op, url } => format!("webhook #{op} opened at {}", self.whole(url)),
            E::WebhookRequested { op, request, method, url: _, bytes } => {
                format!(
                    "webhook #{op} was called: request {request}, {}, {bytes} bytes",
                    self.shown(method)
                )
            }
            E::WebhookTaken { op } => format!("webhook #{op}: a request was taken"),
            E::WebhookResponded { request, status } => {
                format!("request {request} was answered with {status}")
            }
            E::WebhookDisposed { op } => format!("webhook #{op} closed"),
            E::Log { level, message } => {
                format!("{:<5} {}", format!("{level:?}").to_lowercase(), self.shown(message))
            }
            E::RunCompleted { output } => format!("the run completed with {}", self.json(output)),
            E::RunFailed { error } => format!("the run failed: {}", self.whole(error)),
            E::RunCancelled { by } => format!("the run was cancelled{}", self.by(by)),
            E::RunBlocked { kind, message, event } => {
                let event = event
                    .as_ref()
                    .map(|event| format!("; it could not be told: {}", self.shown(event)));
                format!(
                    "the run was blocked ({kind}): {}{}",
                    self.whole(message),
                    event.unwrap_or_default()
                )
            }
            E::RunResumed { by } => format!("the run was resumed{}", self.by(by)),
            E::ModuleChanged { by, from, to } => {
                format!("the run was moved from module {from} to {to}{}", self.by(by))
            }
        }
    }

    fn wait(&self, wait: &Wait) -> String {
        match wait {
            Wait::Step { op, name, missing: true, since, .. } => {
                let (name, since) = (self.whole(name), moment(*since, self.now));
                format!(
                    "step #{op} {name}, which this host lacks: start a host that has it; asked for {since}"
                )
            }
            Wait::Step { op, name, since, attempt, last_error, retry_at, .. } => {
                let since = moment(*since, self.now);
                let name = self.whole(name);
                let begun = format!("step #{op} {name}, attempt {attempt}, asked for {since}");
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
            Wait::Sleep { op, until, .. } => {
                format!("sleep #{op} until {}", moment(*until, self.now))
            }
            Wait::Webhook { op, url, untaken, .. } => {
                let untaken =
                    if *untaken == 0 { String::new() } else { format!(", {untaken} untaken") };
                format!("webhook #{op} at {}{untaken}", self.whole(url))
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
        text::printable(text, self.limit)
    }

    /// What is of no use in parts, such as a URL.
    #[expect(clippy::unused_self, reason = "it stands beside `shown`, and is called as it is")]
    fn whole(&self, text: &str) -> String {
        text::printable(text, usize::MAX)
    }
}

fn counted(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use segno_journal::{BlockKind, Level, RunId};
    use serde_json::Value;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::engine::{BlockedView, RunStatus};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn run() -> RunView {
        RunView {
            run_id: RunId::from_parts(segno_journal::Timestamp(0), 7),
            workflow: "crm_poll".into(),
            status: RunStatus::Running,
            module: "sha256:0123".into(),
            started_at: at(0),
            ended_at: None,
            turns: 4,
            input: RawValue::from_string(r#"{"every":"5m"}"#.into()).unwrap(),
            output: None,
            error: None,
            blocked: None,
            waits_for: vec![],
        }
    }

    fn check(view: &RunView, history: Vec<(i64, HistoryEvent)>, limit: usize, expected: &Expect) {
        let timeline = Timeline::new(view, at(60), limit);
        let mut lines = vec![timeline.head()];
        let entries = history.into_iter().map(|(seconds, event)| HistoryEntry {
            turn: 0,
            at: at(seconds),
            event,
        });
        lines.extend(entries.map(|entry| timeline.entry(&entry)));
        lines.extend(timeline.foot());
        expected.assert_eq(&lines.join("\n"));
    }

    /// A step, a sleep and a webhook.
    fn waits() -> Vec<Wait> {
        vec![
            Wait::Step {
                op: 2,
                step_id: "run:2".into(),
                name: "upsert".into(),
                missing: false,
                since: at(50),
                attempt: 2,
                last_error: Some("503".into()),
                retry_at: Some(at(64)),
                losses: 0,
            },
            Wait::Sleep { op: 3, since: at(1), until: at(301) },
            Wait::Webhook {
                op: 4,
                url: "http://localhost/hook/x".into(),
                since: at(1),
                untaken: 2,
            },
        ]
    }

    fn gave(op: u64, name: Option<&str>, output: Value) -> HistoryEvent {
        HistoryEvent::StepCompleted { op, name: name.map(str::to_owned), output: (&output).into() }
    }

    #[test]
    fn a_run_that_waits_shows_what_happened_and_what_for() {
        let view = RunView { waits_for: waits(), ..run() };
        let history = vec![
            (0, HistoryEvent::RunStarted { input: (&json!({})).into() }),
            (0, HistoryEvent::Log { level: Level::Info, message: "polling\n\x1b[2J".into() }),
            (
                0,
                HistoryEvent::StepStarted {
                    op: 0,
                    step_id: "run:0".into(),
                    name: "fetch".into(),
                    input: (&json!({"since": 1})).into(),
                },
            ),
            (1, gave(0, Some("fetch"), json!([1, 2, 3, 4, 5, 6]))),
            (1, gave(1, None, json!(7))),
            (1, HistoryEvent::SleepStarted { op: 3, until: at(301) }),
            (
                5,
                HistoryEvent::StepRetrying {
                    op: 2,
                    name: Some("upsert".into()),
                    attempt: 1,
                    error: "503".into(),
                    retry_at: at(64),
                },
            ),
        ];
        check(
            &view,
            history,
            10,
            &expect![[r#"
            run_00000000000000000000000007  crm_poll  running
              module   sha256:0123
              started  2026-01-01T00:00:00Z (1m 0s ago)
              turns    4
              input    {"every":"…

              +0ms      the run began
              +0ms      info  polling\n\u{1b}[…
              +0ms      step #0 fetch {"since":1…
              +1.0s     step #0 fetch gave [1,2,3,4,5…
              +1.0s     step #1 gave 7
              +1.0s     sleep #3 until 2026-01-01T00:05:01Z (in 4m 1s)
              +5.0s     step #2 upsert attempt 1 failed: 503; next one due 2026-01-01T00:01:04Z (in 4.0s)

            waits for
              step #2 upsert, attempt 2, asked for 2026-01-01T00:00:50Z (10.0s ago); due 2026-01-01T00:01:04Z (in 4.0s), because the last attempt failed: 503
              sleep #3 until 2026-01-01T00:05:01Z (in 4m 1s)
              webhook #4 at http://localhost/hook/x, 2 untaken"#]],
        );
    }

    #[test]
    fn a_blocked_run_says_how_it_can_go_on() {
        let blocked = BlockedView {
            kind: BlockKind::Trap,
            message: "panicked at src/lib.rs:7".into(),
            at: Some(at(30)),
        };
        let view = RunView { status: RunStatus::Blocked, blocked: Some(blocked), ..run() };
        check(
            &view,
            vec![],
            100,
            &expect![[r#"
            run_00000000000000000000000007  crm_poll  blocked
              module   sha256:0123
              started  2026-01-01T00:00:00Z (1m 0s ago)
              turns    4
              input    {"every":"5m"}


            blocked (trap) 2026-01-01T00:00:30Z (30.0s ago): panicked at src/lib.rs:7
            when that is mended: resume run_00000000000000000000000007 [--module DIGEST]"#]],
        );
    }

    #[test]
    fn what_was_done_to_a_run_from_outside_stands_in_its_history() {
        let by = || Some("ann\x1b".to_owned());
        let history = vec![
            (
                1,
                HistoryEvent::RunBlocked {
                    kind: BlockKind::Trap,
                    message: "panicked at src/lib.rs:7".into(),
                    event: Some("step #1 pay gave null".into()),
                },
            ),
            (
                2,
                HistoryEvent::ModuleChanged {
                    by: by(),
                    from: "sha256:0".into(),
                    to: "sha256:1".into(),
                },
            ),
            (2, HistoryEvent::RunResumed { by: by() }),
            (3, HistoryEvent::RunCancelled { by: None }),
        ];
        let view = run();
        let timeline = Timeline::new(&view, at(60), 100);
        let lines = history.into_iter().map(|(seconds, event)| {
            timeline.entry(&HistoryEntry { turn: 0, at: at(seconds), event })
        });
        let lines: Vec<_> = lines.map(|line| line.trim_start().to_owned()).collect();
        expect![[r#"
            +1.0s     the run was blocked (trap): panicked at src/lib.rs:7; it could not be told: step #1 pay gave null
            +2.0s     the run was moved from module sha256:0 to sha256:1 by ann\u{1b}
            +2.0s     the run was resumed by ann\u{1b}
            +3.0s     the run was cancelled"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_run_that_is_over_says_how_long_it_took() {
        let view = RunView { status: RunStatus::Failed, ended_at: Some(at(42)), ..run() };
        let failed = HistoryEvent::StepFailed {
            op: 1,
            name: "pay\x1b[2J".into(),
            attempts: 1,
            error: "no".into(),
            fatal: true,
        };
        let history =
            vec![(41, failed), (42, HistoryEvent::RunFailed { error: "pay failed: no".into() })];
        check(
            &view,
            history,
            100,
            &expect![[r#"
            run_00000000000000000000000007  crm_poll  failed
              module   sha256:0123
              started  2026-01-01T00:00:00Z (1m 0s ago)
              ended    2026-01-01T00:00:42Z (18.0s ago) after 42.0s
              turns    4
              input    {"every":"5m"}

              +41.0s    step #1 pay\u{1b}[2J failed fatally in 1 attempt: no
              +42.0s    the run failed: pay failed: no"#]],
        );
    }
}
