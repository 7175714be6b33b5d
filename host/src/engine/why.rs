//! Why a run that has not ended does not go on, in a few words: what a list of runs shows of each.

use jiff::Timestamp;
use segno::Steps;
use segno_journal::retry::Attempt;
use segno_journal::{Blocked, Losses, Op, Open};

use crate::engine::live::Live;
use crate::engine::view::{Trouble, Wait, Why};
use crate::engine::waits;
use crate::engine::words::printable;
use crate::store::Standing;

/// How many attempts of a step have failed when it fails again and again: one or two are everyday.
pub(crate) const AGAIN_AND_AGAIN: u32 = 3;

/// How many operations of a run are looked at: a list must not walk through all that a run may wait for.
const LOOKED_AT: usize = 1_000;

/// How much of an error or of a reason is shown, in characters: it stands in one line of a table.
const SHOWN: usize = 120;

/// Why a run does not go on: of all that it waits for, what most needs somebody's eye. The text is yet
/// to be written.
pub(crate) fn why(live: &Live, steps: &Steps) -> Why {
    let mut why = Why { waits: live.run.open().len(), ..Why::default() };
    if let Standing::Blocked(Blocked { kind, message }) = &live.record.standing {
        (why.trouble, why.kind, why.reason) =
            (Some(Trouble::Blocked), Some(*kind), Some(printable(message, SHOWN)));
        return why;
    }
    let Some((op, open)) = most_telling(live, steps) else { return why };
    why.trouble = trouble(open, steps);
    let mut wait = waits::wait((live.owner.run, op), open, Losses::default(), steps);
    if let Wait::Step { last_error: Some(error), .. } = &mut wait {
        *error = printable(error, SHOWN);
    }
    (why.since, why.wait) = (Some(wait.since()), Some(wait));
    why
}

/// Of the things that a run waits for, the one that is most in trouble; the first of several.
fn most_telling<'a>(live: &'a Live, steps: &Steps) -> Option<(Op, &'a Open)> {
    let mut telling = None;
    let mut highest = None;
    for (op, open) in live.run.open().take(LOOKED_AT) {
        let rank = match open {
            Open::Step { call, .. } if steps.get(&call.name).is_none() => (3, 0),
            Open::Step { last_attempt, .. } => (2, failures(last_attempt)),
            Open::Sleep { .. } => (1, 0),
            Open::Webhook(webhook) => (u8::from(!webhook.disposed), 0),
        };
        if highest.is_none_or(|highest| rank > highest) {
            (telling, highest) = (Some((op, open)), Some(rank));
        }
    }
    telling
}

fn trouble(open: &Open, steps: &Steps) -> Option<Trouble> {
    match open {
        Open::Step { call, .. } if steps.get(&call.name).is_none() => Some(Trouble::MissingStep),
        Open::Step { last_attempt, .. } => {
            (failures(last_attempt) >= AGAIN_AND_AGAIN).then_some(Trouble::Failing)
        }
        Open::Sleep { .. } | Open::Webhook(_) => None,
    }
}

fn failures(last_attempt: &Option<Box<Attempt>>) -> u32 {
    last_attempt.as_ref().map_or(0, |last| last.number)
}

impl Wait {
    /// When it began.
    const fn since(&self) -> Timestamp {
        match self {
            Self::Step { since, .. } | Self::Sleep { since, .. } | Self::Webhook { since, .. } => {
                *since
            }
        }
    }
}

impl Why {
    /// Of a run whose shard did not say.
    pub(crate) fn unanswered() -> Self {
        Self { trouble: Some(Trouble::Unanswered), ..Self::default() }
    }

    /// The same with its text.
    pub(crate) fn worded(mut self) -> Self {
        let moment = |moment: Timestamp| format!("{moment:.0}");
        self.text = self.words(moment, moment);
        self
    }

    /// In a few words, on one line. `since` writes a moment that is over, `until` one that is to come.
    pub(crate) fn words(
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
            (_, Some(Wait::Webhook { untaken: 0, .. })) => format!("webhook{begun}"),
            (_, Some(Wait::Webhook { untaken, .. })) => {
                format!("webhook{begun}, {untaken} untaken")
            }
            (_, None) => return "its next turn".to_owned(),
        };
        match self.waits.saturating_sub(1) {
            0 => text,
            others => format!("{text}; and {others} more"),
        }
    }
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
