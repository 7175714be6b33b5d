//! What a run waits for: operations that are not over.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::retry::Attempt;
use crate::{
    Answer, ClosePolicy, OPERATION_BYTES, OpenChild, OpenCompensation, OpenHook, OpenTell, RunId,
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
    /// A compensation that is registered.
    Compensation(Box<OpenCompensation>),
    /// What must not be stopped amid.
    Shield {
        /// When it began.
        since: Timestamp,
    },
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
                Self::Compensation(compensation) => compensation.name.len(),
                Self::Shield { .. } => 0,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => false,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
        }
    }

    /// The compensation, if it is one.
    #[must_use]
    pub fn compensation(&self) -> Option<&OpenCompensation> {
        match self {
            Self::Compensation(compensation) => Some(compensation),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_)
            | Self::Shield { .. } => None,
        }
    }

    /// Whether it is about the end of the run: nothing comes to it, and the run waits for none.
    #[must_use]
    pub const fn is_of_the_end(&self) -> bool {
        match self {
            Self::Compensation(_) | Self::Shield { .. } => true,
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_) => false,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
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
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
        }
    }

    /// The moment at which a timer has something to do for the operation, if there is one.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Step { last_attempt, .. } => last_attempt.as_ref().map(|last| last.retry_at),
            Self::Sleep { until, .. } => Some(*until),
            Self::Webhook(_)
            | Self::Hook(_)
            | Self::Signal(_)
            | Self::Child(_)
            | Self::Tell(_)
            | Self::Compensation(_)
            | Self::Shield { .. } => None,
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
