//! What a run waits for: operations that are not over.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::retry::Attempt;
use crate::{Answer, OPERATION_BYTES, StepOptions, Timestamp, grows};

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
}

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
            }
    }

    /// The moment at which a timer has something to do for the operation, if there is one.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Step { last_attempt, .. } => last_attempt.as_ref().map(|last| last.retry_at),
            Self::Sleep { until, .. } => Some(*until),
            Self::Webhook(_) => None,
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
