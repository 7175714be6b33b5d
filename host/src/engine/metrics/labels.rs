//! The labels of what is counted, and their words in the metrics.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Declares the values of a label: what each is, and its word in the metrics.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name {
            $($(#[$what])* $value,)*
        }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$value),*];
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                let word = match self { $(Self::$value => $word,)* };
                EncodeLabelValue::encode(&word, encoder)
            }
        }
    };
}

label! {
    /// How an attempt of a step ended.
    StepOutcome {
        /// It returned.
        Succeeded = "succeeded",
        /// It failed, and is tried again.
        Retried = "retried",
        /// It failed, and its workflow is told so.
        GivenUp = "given_up",
    }
}

label! {
    /// What became of a call at the end of a run.
    EndCallOutcome {
        /// It has come.
        Made = "made",
        /// It has not, and is made again.
        Failed = "failed",
        /// It has not, and is not made again.
        GivenUp = "given_up",
    }
}

label! {
    /// Why an image was not used.
    ImageFallback {
        /// It cannot be read, or is not what was written.
        Damaged = "damaged",
        /// It is of another module, or of another version of the interface to it.
        Foreign = "foreign",
        /// The turns behind it do not follow from it.
        Diverged = "diverged",
        /// It gives another memory than the turns do.
        Mismatch = "mismatch",
    }
}

label! {
    /// Which of the two doors.
    Door {
        /// The management API.
        Management = "management",
        /// The public listener.
        Webhooks = "webhooks",
    }
}

label! {
    /// The first digit of a status.
    Class {
        /// It goes on.
        Informed = "1xx",
        /// It was done.
        Done = "2xx",
        /// It is elsewhere.
        Elsewhere = "3xx",
        /// The caller made a mistake, or comes too often.
        Refused = "4xx",
        /// The host cannot do it.
        Failed = "5xx",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfShard {
    pub(super) shard: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StepEnd {
    pub(super) outcome: StepOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Fallback {
    pub(super) reason: ImageFallback,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    pub(super) door: Door,
    pub(super) status: Class,
}

label! {
    /// How a run ended.
    RunOutcome {
        /// It returned.
        Completed = "completed",
        /// It failed.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

label! {
    /// How a run stands that has not ended.
    Stand {
        /// It goes on by itself.
        Running = "running",
        /// It is blocked.
        Blocked = "blocked",
    }
}

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfStep {
    pub(super) workflow: String,
    pub(super) step: String,
}

/// Attempts of a step of a workflow that ended so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AttemptEnd {
    pub(super) workflow: String,
    pub(super) step: String,
    pub(super) outcome: StepOutcome,
}

/// Calls at the ends of runs of which this became.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndCalled {
    pub(super) outcome: EndCallOutcome,
}

/// Runs of a workflow that ended so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RunEnd {
    pub(super) workflow: String,
    pub(super) outcome: RunOutcome,
}

/// Runs that stand so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfStatus {
    pub(super) status: Stand,
}

/// Runs that are blocked by this kind of trouble.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfKind {
    pub(super) kind: String,
}
