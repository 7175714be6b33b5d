//! Batches: several starts and signals in one request.

use segno_journal::RunId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::runs::{RunStatus, SignalRequest};

/// Starts and signals that are all stored, or none of them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The runs to start.
    #[serde(default)]
    pub starts: Vec<BatchStart>,
    /// The signals to send, to runs that have not ended.
    #[serde(default)]
    pub signals: Vec<BatchSignal>,
}

/// A start in a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchStart {
    /// The name of the workflow.
    pub workflow: String,
    /// What it is given; `null` where it takes nothing.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub input: Box<RawValue>,
    /// The idempotency key of this start: where it has started a run before, no other one is started.
    pub key: Option<String>,
    /// Signals that it is sent in the same moment. Where its key has started a run before, that one is sent them.
    #[serde(default)]
    pub signals: Vec<SignalRequest>,
    /// A URL that is called when the run has ended.
    pub on_end: Option<String>,
}

/// A signal in a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchSignal {
    /// The run, which has not ended.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// The name of the signal.
    pub name: String,
    /// What is sent; `null` where that is left out.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub payload: Box<RawValue>,
    /// A signal with the same key comes once.
    pub key: Option<String>,
}

/// The answer to a batch.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Batched {
    /// The runs of its starts, in their order.
    pub starts: Vec<BatchStarted>,
    /// False if the idempotency key of the batch was known: then it was stored before, and this is what came of
    /// it.
    #[serde(skip)]
    pub created: bool,
}

/// The answer to a start in a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchStarted {
    /// `run_` and a ULID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether this request has started it: not where the batch, or the key of the start, was known.
    pub created: bool,
}
