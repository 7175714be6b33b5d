//! What a run waits for, and why it does not go on just now.

use jiff::Timestamp;
use segno_journal::BlockKind;
use segno_journal::RunId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Json;
use crate::text::printable;

/// How much of an error or of a reason is shown, in characters: it stands in one line of a table.
pub const SHOWN: usize = 120;

/// Why a run that has not ended does not go on just now: of all that it waits for, what most needs
/// somebody's eye.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// In a few words, on one line.
    pub text: String,
    /// What is wrong; `null` where the run only waits.
    pub trouble: Option<Trouble>,
    /// Since when it waits so, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What it waits for. An error in it is shortened.
    pub wait: Option<Wait>,
    /// How many things it waits for.
    pub waits: usize,
    /// If it is blocked, which kind of trouble: as in `blocked` of the run.
    #[schema(value_type = Option<String>)]
    pub kind: Option<BlockKind>,
    /// If it is blocked, the beginning of the reason; if it is paused or begins later, that.
    pub reason: Option<String>,
}

/// What is wrong with a run, so that somebody should look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It is blocked.
    Blocked,
    /// It waits for a step that this host lacks.
    MissingStep,
    /// At least three attempts of a step that it waits for have failed.
    Failing,
    /// The part of the host that owns it does not answer.
    Unanswered,
}

/// One thing that a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Wait {
    /// A step that has not ended.
    Step {
        /// The number of the operation in its run.
        op: u64,
        /// The idempotency key: run ID and operation.
        step_id: String,
        /// The name of the step.
        name: String,
        /// True where this host has no step of this name: the operation waits for a host that has it.
        #[serde(default)]
        missing: bool,
        /// When the workflow asked for it.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// The number of the attempt that runs or is due next, from 1.
        attempt: u32,
        /// Why the last attempt failed, if one did.
        last_error: Option<String>,
        /// When the next attempt is due, if the last one failed.
        #[schema(value_type = Option<String>, format = DateTime)]
        retry_at: Option<Timestamp>,
        /// How often the host went down while it ran: that uses up no attempt, but each time there is a
        /// longer pause, and in the end the run is blocked.
        #[serde(default)]
        losses: u32,
        /// What the step last said of how far it is; `null` where it said nothing.
        #[serde(default)]
        #[schema(value_type = Value)]
        heartbeat: Option<Json>,
    },
    /// A sleep that is not over.
    Sleep {
        /// The number of the operation in its run.
        op: u64,
        /// When it began.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// When it is over.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// A call of a webhook.
    Webhook {
        /// The number of the operation in its run.
        op: u64,
        /// Where to call it.
        url: String,
        /// When it was opened.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// How many requests the workflow has not taken yet.
        untaken: usize,
    },
    /// A call of a hook.
    Hook {
        /// The number of the operation in its run.
        op: u64,
        /// What it is called by.
        token: String,
        /// When it was opened.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// How much the workflow has not taken yet.
        untaken: usize,
    },
    /// A signal.
    Signal {
        /// The number of the operation in its run.
        op: u64,
        /// Its name.
        name: String,
        /// Since when the workflow takes in those of this name.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// How many of this name the workflow has not taken yet.
        untaken: usize,
    },
    /// The end of a child.
    Child {
        /// The number of the operation in its run.
        op: u64,
        /// The ID of the child.
        #[schema(value_type = String)]
        run_id: RunId,
        /// The name of its workflow.
        workflow: String,
        /// When it was started.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
    /// Another run, which is to take in a signal.
    Delivery {
        /// The number of the operation in its run.
        op: u64,
        /// The ID of the other run.
        #[schema(value_type = String)]
        run_id: RunId,
        /// The name of the signal.
        name: String,
        /// When it was sent.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
}

impl Wait {
    /// When it began.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        match self {
            Self::Step { since, .. }
            | Self::Sleep { since, .. }
            | Self::Webhook { since, .. }
            | Self::Hook { since, .. }
            | Self::Signal { since, .. }
            | Self::Child { since, .. }
            | Self::Delivery { since, .. } => *since,
        }
    }
}

impl Why {
    /// Of a run whose shard did not say.
    #[must_use]
    pub fn unanswered() -> Self {
        Self { trouble: Some(Trouble::Unanswered), ..Self::default() }
    }

    /// The same with its text.
    #[must_use]
    pub fn worded(mut self) -> Self {
        let moment = |moment: Timestamp| format!("{moment:.0}");
        self.text = self.words(moment, moment);
        self
    }

    /// In a few words, on one line. `since` writes a moment that is over, `until` one that is to come.
    pub fn words(
        &self,
        since: impl Fn(Timestamp) -> String,
        until: impl Fn(Timestamp) -> String,
    ) -> String {
        let begun = self.since.map_or_else(String::new, |at| format!(" since {}", since(at)));
        let text = match (self.trouble, &self.wait) {
            (Some(Trouble::Unanswered), _) => return "its shard does not answer".to_owned(),
            (Some(Trouble::Blocked), _) => {
                let kind = self.kind.map_or_else(String::new, |kind| format!(" ({kind})"));
                return format!(
                    "blocked{kind}{begun}: {}",
                    self.reason.as_deref().unwrap_or_default()
                );
            }
            (trouble, Some(Wait::Step { name, attempt, last_error, retry_at, .. })) => {
                let lacks = if trouble == Some(Trouble::MissingStep) {
                    ", which this host lacks"
                } else {
                    ""
                };
                let due = retry_at.map_or_else(String::new, |at| format!(" due {}", until(at)));
                let attempt =
                    if *attempt > 1 { format!(", attempt {attempt}{due}") } else { String::new() };
                let error = last_error
                    .as_ref()
                    .map(|error| format!(", last error: {}", printable(error, SHOWN)));
                let name = printable(name, SHOWN);
                format!("step {name}{lacks}{begun}{attempt}{}", error.unwrap_or_default())
            }
            (_, Some(Wait::Sleep { until: end, .. })) => format!("sleep until {}", until(*end)),
            (_, Some(Wait::Webhook { untaken, .. })) => {
                format!("webhook{begun}{}", left(*untaken))
            }
            (_, Some(Wait::Hook { token, untaken, .. })) => {
                format!("hook {}{begun}{}", printable(token, SHOWN), left(*untaken))
            }
            (_, Some(Wait::Signal { name, untaken, .. })) => {
                format!("signal {}{begun}{}", printable(name, SHOWN), left(*untaken))
            }
            (_, Some(Wait::Child { run_id, workflow, .. })) => {
                format!("child {} {run_id}{begun}", printable(workflow, SHOWN))
            }
            (_, Some(Wait::Delivery { run_id, name, .. })) => {
                format!("{run_id} to take signal {}{begun}", printable(name, SHOWN))
            }
            (_, None) => {
                let held_up = self.reason.as_ref().map(|reason| format!("{reason}{begun}"));
                return held_up.unwrap_or_else(|| "its next turn".to_owned());
            }
        };
        match self.waits.saturating_sub(1) {
            0 => text,
            others => format!("{text}; and {others} more"),
        }
    }
}

fn left(untaken: usize) -> String {
    if untaken == 0 { String::new() } else { format!(", {untaken} untaken") }
}

#[cfg(test)]
mod tests {
    use segno_journal::BlockKind;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn step(name: &str, attempt: u32, last_error: Option<&str>) -> Option<Wait> {
        Some(Wait::Step {
            op: 1,
            step_id: "run:1".into(),
            name: name.into(),
            missing: false,
            since: at(0),
            attempt,
            last_error: last_error.map(str::to_owned),
            retry_at: last_error.map(|_| at(64)),
            losses: 0,
            heartbeat: None,
        })
    }

    #[test]
    fn a_reason_is_a_few_words_that_do_nothing_to_a_terminal() {
        let since = Some(at(0));
        let blocked = (
            Some(Trouble::Blocked),
            Some(BlockKind::Trap),
            Some("panic at src/lib.rs:218".to_owned()),
        );
        let (trouble, kind, reason) = blocked;
        let url = "http://h/t".to_owned();
        for (why, words) in [
            (
                Why {
                    wait: step("charge", 4, Some("503\n\x1b[2J")),
                    since,
                    waits: 3,
                    ..Why::default()
                },
                "step charge since 1970-01-01T00:00:00Z, attempt 4 due 1970-01-01T00:01:04Z, last error: \
                 503\\n\\u{1b}[2J; and 2 more",
            ),
            (
                Why {
                    wait: step("notify", 1, None),
                    trouble: Some(Trouble::MissingStep),
                    since,
                    waits: 1,
                    ..Why::default()
                },
                "step notify, which this host lacks since 1970-01-01T00:00:00Z",
            ),
            (
                Why {
                    wait: Some(Wait::Sleep { op: 1, since: at(0), until: at(5) }),
                    waits: 1,
                    ..Why::default()
                },
                "sleep until 1970-01-01T00:00:05Z",
            ),
            (
                Why {
                    wait: Some(Wait::Webhook { op: 1, url, since: at(0), untaken: 0 }),
                    since,
                    waits: 1,
                    ..Why::default()
                },
                "webhook since 1970-01-01T00:00:00Z",
            ),
            (
                Why { trouble, kind, reason, waits: 4, ..Why::default() },
                "blocked (trap): panic at src/lib.rs:218",
            ),
            (Why::unanswered(), "its shard does not answer"),
            (Why::default(), "its next turn"),
        ] {
            assert_eq!(why.worded().text, words);
        }
    }
}
