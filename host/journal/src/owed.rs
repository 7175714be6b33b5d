//! What the world owes an operation when the host comes back.

use crate::retry::Attempt;
use crate::{Losses, Open, Timestamp};

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
            Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => Owed::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::*;
    use crate::{Answer, MAX_LOSSES, OpenHook, OpenWebhook, StepCall, StepOptions};

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
