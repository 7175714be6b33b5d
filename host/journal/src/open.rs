//! What a run waits for: operations that are not over.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::retry::Attempt;
use crate::{
    Answer, ClosePolicy, Losses, OPERATION_BYTES, OpenChild, OpenHook, OpenTell, RunId,
    StepOptions, Timestamp, grows,
};

/// An operation that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Open {
    /// A step that has not ended.
    Step {
        /// What was asked for.
        #[serde(with = "shared")]
        call: Arc<StepCall>,
        /// The last attempt that failed and is to be tried again, if there is one. Not of the
        /// turns, and so not of the state that is stored.
        #[serde(skip)]
        last_attempt: Option<Box<Attempt>>,
    },
    /// A sleep that is not over.
    Sleep {
        /// When it began.
        since: Timestamp,
        /// When it is over.
        until: Timestamp,
    },
    /// A webhook that is not disposed of, or of which requests are left to take. Apart, since a host
    /// may have a million runs that sleep, and none of them shall pay for it.
    Webhook(Box<OpenWebhook>),
    /// A hook that is not disposed of, or of which something is left to take.
    Hook(Box<OpenHook>),
    /// The signals of a name, which the workflow takes in.
    Signal(Box<OpenSignal>),
    /// A child that has not ended.
    Child(Box<OpenChild>),
    /// A signal on its way to another run.
    Tell(Box<OpenTell>),
}

/// The signals of a name, which the workflow takes in. What lies untaken of the name is known of the run,
/// since it may come before.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSignal {
    /// Since when the workflow takes them in.
    pub since: Timestamp,
    /// The name.
    pub name: String,
}

grows!(OpenSignal { since, name });

/// A webhook that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenWebhook {
    /// When it was opened.
    pub since: Timestamp,
    /// Where to call it.
    pub url: String,
    /// How its callers are answered.
    pub answer: Answer,
    /// The sizes of the requests that the workflow has not taken, in bytes, oldest first.
    pub untaken: VecDeque<usize>,
    /// True once it is disposed of: what came before can still be taken.
    pub disposed: bool,
}

grows!(OpenWebhook { since, url, answer, untaken, disposed });

impl OpenWebhook {
    /// A webhook that was opened at this moment.
    pub(crate) const fn new(since: Timestamp, url: String, answer: Answer) -> Self {
        Self { since, url, answer, untaken: VecDeque::new(), disposed: false }
    }
}

impl Open {
    /// How many bytes the operation takes, about, as long as it is open: the same from its beginning to
    /// its end. What requests of a webhook take is counted apart.
    #[must_use]
    pub fn size(&self) -> usize {
        OPERATION_BYTES
            + match self {
                Self::Step { call, .. } => call.name.len() + call.input.len(),
                Self::Sleep { .. } => 0,
                Self::Webhook(webhook) => match &webhook.answer {
                    Answer::Fixed(response) => response.size(),
                    Answer::Accepted | Answer::Manual => 0,
                },
                Self::Hook(hook) => {
                    hook.token.len() + hook.metadata.as_ref().map_or(0, String::len)
                }
                Self::Signal(signal) => signal.name.len(),
                Self::Child(child) => child.workflow.len(),
                Self::Tell(tell) => tell.name.len() + tell.payload.len(),
            }
    }

    /// The sizes of what lies untaken in it and whether it is disposed of, if it is an inbox with a store
    /// of its own.
    pub(crate) fn inbox_mut(&mut self) -> Option<(&mut VecDeque<usize>, &mut bool)> {
        match self {
            Self::Webhook(webhook) => Some((&mut webhook.untaken, &mut webhook.disposed)),
            Self::Hook(hook) => Some((&mut hook.untaken, &mut hook.disposed)),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// Whether it is an inbox that is closed: nothing comes to it any more.
    #[must_use]
    pub fn is_disposed(&self) -> bool {
        match self {
            Self::Webhook(webhook) => webhook.disposed,
            Self::Hook(hook) => hook.disposed,
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => false,
        }
    }

    /// The hook, if it is one.
    #[must_use]
    pub fn hook(&self) -> Option<&OpenHook> {
        match self {
            Self::Hook(hook) => Some(hook),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// The step, if it is one: what was asked for, and the last attempt that failed.
    #[must_use]
    pub fn step(&self) -> Option<(&Arc<StepCall>, Option<&Attempt>)> {
        match self {
            Self::Step { call, last_attempt } => Some((call, last_attempt.as_deref())),
            Self::Sleep { .. }
            | Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// The webhook, if it is one.
    #[must_use]
    pub fn webhook(&self) -> Option<&OpenWebhook> {
        match self {
            Self::Webhook(webhook) => Some(webhook),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// When a sleep is over, if it is one.
    #[must_use]
    pub const fn sleeps_until(&self) -> Option<Timestamp> {
        match self {
            Self::Sleep { until, .. } => Some(*until),
            Self::Step { .. }
            | Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// The child that ends with its parent, if it is one.
    #[must_use]
    pub fn ends_with_its_parent(&self) -> Option<RunId> {
        match self {
            Self::Child(child) if child.policy == ClosePolicy::Cancel || child.cancelled => {
                Some(child.run)
            }
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => None,
        }
    }

    /// The moment at which a timer has something to do for the operation, if there is one.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Step { last_attempt, .. } => last_attempt.as_ref().map(|last| last.retry_at),
            Self::Sleep { until, .. } => Some(*until),
            Self::Webhook(_) | Self::Hook(_) | Self::Signal(_) | Self::Child(_) | Self::Tell(_) => {
                None
            }
        }
    }
}

/// What the world owes an operation when the host comes back: what an [`crate::Effect`] is to a turn.
/// The world has forgotten all of it, because nothing of it is on disk but the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Owed {
    /// The next attempt of a step.
    Attempt {
        /// When it is due; it may be over.
        at: Timestamp,
        /// The last attempt that failed, if there is one, with the moment from which the next one is due
        /// now: the clock may have been set back.
        last: Option<Attempt>,
    },
    /// No attempt of the step any more: the host went down too often while it ran.
    Stopped,
    /// To wake the run.
    Wake {
        /// When; it may be over.
        at: Timestamp,
    },
    /// To ask for the token of a hook, because nobody knows whether it has it.
    Claim,
    /// To look whether a child has ended, and to cancel it where that is wanted.
    Child,
    /// To send a signal to another run, because nobody knows whether that has it.
    Tell,
    /// Nothing: what happens to it comes from outside.
    Nothing,
}

impl Open {
    /// What the world owes the operation when the host comes back at this moment. `losses` says how often
    /// the host went down while a step ran, where that is known.
    #[must_use]
    pub fn owed(&self, losses: Option<Losses>, now: Timestamp) -> Owed {
        match self {
            Self::Step { .. } if losses.is_some_and(Losses::is_stopped) => Owed::Stopped,
            Self::Step { last_attempt, .. } => {
                let last = last_attempt.as_deref();
                let last = last.map(|last| Attempt { retry_at: last.due(now), ..last.clone() });
                let after_failure = last.as_ref().map_or(now, |last| last.retry_at);
                let after_loss = losses.map_or(now, |losses| losses.due(now));
                Owed::Attempt { at: after_failure.max(after_loss), last }
            }
            Self::Sleep { until, .. } => Owed::Wake { at: *until },
            Self::Hook(hook) if !hook.claimed => Owed::Claim,
            Self::Child(_) => Owed::Child,
            Self::Tell(_) => Owed::Tell,
            Self::Webhook(_) | Self::Hook(_) | Self::Signal(_) => Owed::Nothing,
        }
    }
}

/// A step, as the workflow asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCall {
    /// The name of the step.
    pub name: String,
    /// Its input, as JSON.
    pub input: String,
    /// What this call wants different from what the step declares.
    pub options: StepOptions,
    /// When the workflow asked for it: the same for all attempts.
    pub asked_at: Timestamp,
}

grows!(StepCall { name, input, options, asked_at });

/// A call is stored whole, though in memory the state of a run shares it with its attempts.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::StepCall;

    pub(super) fn serialize<S: Serializer>(
        call: &Arc<StepCall>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        StepCall::serialize(call, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<StepCall>, D::Error> {
        StepCall::deserialize(deserializer).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_LOSSES;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn step(last_attempt: Option<Attempt>) -> Open {
        let call = StepCall {
            name: "charge".into(),
            input: "{}".into(),
            options: StepOptions::default(),
            asked_at: Timestamp(1),
        };
        Open::Step { call: Arc::new(call), last_attempt: last_attempt.map(Box::new) }
    }

    /// An attempt that failed at a moment, and is to be tried again so many milliseconds later.
    fn failed(at: Timestamp, after_ms: u64) -> Attempt {
        Attempt { number: 2, at, error: "503".into(), retry_at: at.plus_ms(after_ms), first_at: at }
    }

    fn losses(count: u32, retry_at: Timestamp) -> Option<Losses> {
        Some(Losses { count, running: false, retry_at })
    }

    #[test]
    fn a_step_that_never_failed_is_tried_at_once() {
        assert_eq!(step(None).owed(None, NOW), Owed::Attempt { at: NOW, last: None });
    }

    #[test]
    fn a_step_that_failed_waits_for_the_rest_of_its_pause() {
        let last = failed(Timestamp(NOW.0 - 400), 1_000);
        let owed = step(Some(last.clone())).owed(None, NOW);
        assert_eq!(owed, Owed::Attempt { at: NOW.plus_ms(600), last: Some(last) });
    }

    #[test]
    fn a_pause_never_becomes_longer_whatever_the_clock_did() {
        let last = failed(NOW.plus_ms(3_600_000), 1_000);
        let Owed::Attempt { at, last } = step(Some(last)).owed(None, NOW) else { panic!("a step") };
        assert_eq!(at, NOW.plus_ms(1_000));
        assert_eq!(last.map(|last| last.retry_at), Some(at), "whoever forgets its timer finds it");
    }

    #[test]
    fn of_two_pauses_the_later_end_counts() {
        let last = failed(NOW, 1_000);
        for (until, expected) in [(500, 1_000), (1_500, 1_500)] {
            let owed = step(Some(last.clone())).owed(losses(2, NOW.plus_ms(until)), NOW);
            assert_eq!(owed, Owed::Attempt { at: NOW.plus_ms(expected), last: Some(last.clone()) });
        }
    }

    #[test]
    fn a_step_that_takes_the_host_with_it_is_owed_no_attempt() {
        assert_eq!(step(None).owed(losses(MAX_LOSSES, NOW), NOW), Owed::Stopped);
    }

    #[test]
    fn a_sleep_is_woken_when_it_was_to_end_and_a_webhook_is_owed_nothing() {
        let sleep = Open::Sleep { since: Timestamp(1), until: Timestamp(5) };
        assert_eq!(sleep.owed(None, NOW), Owed::Wake { at: Timestamp(5) });
        let webhook = Open::Webhook(Box::new(OpenWebhook {
            since: Timestamp(1),
            url: "http://segno.test/t".into(),
            answer: Answer::Accepted,
            untaken: VecDeque::new(),
            disposed: false,
        }));
        assert_eq!(webhook.owed(None, NOW), Owed::Nothing);
    }

    #[test]
    fn a_hook_asks_for_its_token_as_long_as_nobody_knows_whether_it_has_it() {
        let hook = |claimed| {
            Open::Hook(Box::new(OpenHook {
                since: Timestamp(1),
                token: "order-42".into(),
                metadata: None,
                claimed,
                untaken: VecDeque::new(),
                disposed: false,
            }))
        };
        assert_eq!(hook(false).owed(None, NOW), Owed::Claim);
        assert_eq!(hook(true).owed(None, NOW), Owed::Nothing);
    }
}
