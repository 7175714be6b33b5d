//! How the orders ended, as the host tells it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use segno_api::{HistoryEntry, HistoryEvent, RunStatus, RunView};

use crate::demo::api::Api;
use crate::demo::plan::Plan;
use crate::desk::WhereIsIt;
use crate::model::{Address, Outcome};

/// An order that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// The changes of its address that it has answered, and whether it accepted them.
    pub(super) changes: Vec<(Address, bool)>,
    /// What it tells of where it is, as it was before its last turn; nothing if it does not.
    pub(super) told: Option<WhereIsIt>,
    /// What it told line by line of how far it was.
    pub(super) progress: String,
}

/// All orders.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Those that are over, by number.
    pub(super) ended: BTreeMap<u64, Ended>,
    /// Those that are not, and why.
    pub(super) broken: Vec<String>,
}

impl Results {
    /// Asks the host for them.
    pub(super) async fn gather(api: &Api, plans: &[Plan]) -> anyhow::Result<Self> {
        let mut results = Self::default();
        for plan in plans {
            let number = plan.order.number;
            // One that was not given yet, because the demo was stopped early, is given now and not over.
            let run = api.start(&plan.order).await?;
            let view = api.run(&run).await?;
            match outcome(&view)? {
                Ok(outcome) => {
                    let changes = changes(&api.history(&run).await?)?;
                    let told = api.where_is_it(&run).await?;
                    let progress = api.progress(&run).await?;
                    results.ended.insert(number, Ended { outcome, changes, told, progress });
                }
                Err(why) => results.broken.push(format!("order {number} ({run}): {why}")),
            }
        }
        Ok(results)
    }
}

/// What a run returned, or why it has not.
fn outcome(view: &RunView) -> anyhow::Result<Result<Outcome, String>> {
    if view.status == RunStatus::Completed
        && let Some(output) = &view.output
    {
        let outcome = serde_json::from_str(output.get());
        return Ok(Ok(outcome.context("what an order returned is not understood")?));
    }
    let blocked = view.blocked.as_ref().map(|blocked| blocked.message.clone());
    let why = view.error.clone().or(blocked);
    let other = if view.status.has_ended() { "it was cancelled" } else { "it is not over" };
    Ok(Err(why.unwrap_or_else(|| other.to_owned())))
}

/// The changes of the address that were answered, in the order in which they came.
fn changes(history: &[HistoryEntry]) -> anyhow::Result<Vec<(Address, bool)>> {
    let mut wished = BTreeMap::new();
    let mut answered = Vec::new();
    for entry in history {
        match &entry.event {
            HistoryEvent::SignalReceived { number, name, payload } if name == "change_address" => {
                wished.insert(*number, serde_json::from_str::<Address>(payload.as_str())?);
            }
            HistoryEvent::Responded { request, status } => {
                answered.extend(wished.remove(request).map(|wish| (wish, *status == 200)));
            }
            _ => {}
        }
    }
    Ok(answered)
}
