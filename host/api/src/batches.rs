//! Batches: several starts and signals in one request.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use segno_journal::RunId;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::attributes::AttributeView;
use crate::runs::{IfRunning, RunStatus, SignalRequest};

/// How many starts and signals a batch has at most; signals that are sent with starts count.
pub const BATCHED: usize = 1_000;

/// How many signals may be sent with a start.
pub const SIGNALS_AT_START: usize = 100;

/// Starts and signals that are all stored, or none of them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The runs to start.
    #[serde(default, deserialize_with = "at_most::<_, _, BATCHED>")]
    pub starts: Vec<BatchStart>,
    /// The signals to send, to runs that have not ended.
    #[serde(default, deserialize_with = "at_most::<_, _, BATCHED>")]
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
    #[serde(default, deserialize_with = "at_most::<_, _, SIGNALS_AT_START>")]
    pub signals: Vec<SignalRequest>,
    /// A URL that is called when the run has ended.
    pub on_end: Option<String>,
    /// When it begins; at once where neither this nor `start_after` says.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start_at: Option<Timestamp>,
    /// How long after its start it begins, as `30s` or `2h`.
    pub start_after: Option<String>,
    /// How long it may take from its beginning, as `30s` or `2h`. Then its workflow cleans up, and it has failed.
    pub timeout: Option<String>,
    /// What it is found by, as at any start.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub attributes: BTreeMap<String, AttributeView>,
    /// What comes of it where the run that the key has started has not ended: `use` or `refuse`. Where this is said,
    /// the key leads to one run at a time: where that has ended, another one is started.
    pub if_running: Option<IfRunning>,
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

/// A list of so many entries at most: one that has more takes no more room than these.
fn at_most<'de, D, T, const MOST: usize>(list: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MOST: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Bounded<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    list.deserialize_seq(Bounded::<T, MOST>(PhantomData))
}
