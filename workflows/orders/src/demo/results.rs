//! How the orders ended, as the host tells it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use segno_api::{HistoryEntry, HistoryEvent, RunStatus, RunView};
use serde::Deserialize;

use crate::demo::api::Api;
use crate::demo::plan::Plan;
use crate::desk::WhereIsIt;
use crate::model::{Address, Outcome};
use crate::payments::Payment;

/// An order that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// How.
    pub(super) ending: Ending,
    /// What became of its charge, as far as it knows.
    pub(super) payment: Option<Payment>,
    /// Where the carrier takes it, as far as it knows.
    pub(super) shipped: Option<Address>,
    /// Whether it knows that the carrier does not take it.
    pub(super) is_refused: bool,
    /// Whether it was told to end while it cleaned up.
    pub(super) was_told: bool,
    /// The changes of its address that it has answered, and whether it accepted them.
    pub(super) changes: Vec<(Address, bool)>,
    /// What it tells of where it is, as it was before its last turn; nothing if it does not.
    pub(super) told: Option<WhereIsIt>,
    /// What it told line by line of how far it was.
    pub(super) progress: String,
}

/// How an order ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// With this.
    Returned(Outcome),
    /// Somebody cancelled it, and it has cleaned up.
    Cancelled,
    /// Somebody killed it, and it was written off.
    WrittenOff,
    /// Its time was over, and it has cleaned up.
    TimedOut,
    /// The carrier does not go there, and it has cleaned up.
    NotTaken,
}

/// All orders.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Those that are over, by number.
    pub(super) ended: BTreeMap<u64, Ended>,
    /// Those that are not, and why.
    pub(super) broken: Vec<String>,
}

/// What the step `book` is given, as far as it matters here.
#[derive(Deserialize)]
struct Booking {
    address: Address,
}

impl Results {
    /// Asks the host for them. They have ended on one of these modules.
    pub(super) async fn gather(
        api: &Api,
        plans: &[Plan],
        modules: [Vec<u8>; 2],
    ) -> anyhow::Result<Self> {
        let mut results = Self::default();
        let mut ended_on = Vec::new();
        for plan in plans {
            let number = plan.order.number;
            // One that was not given yet, because the demo was stopped early, is given now and not over.
            let run = api.start_within(&plan.order, plan.timeout).await?;
            let view = api.run(&run).await?;
            match ending(api, plan, &view).await? {
                Ok(ending) => {
                    results.broken.extend(lost(api, &run, &ending).await?);
                    results.ended.insert(number, Ended::gather(api, &run, ending).await?);
                    ended_on.push((number, run, view.module));
                }
                Err(why) => results.broken.push(format!("order {number} ({run}): {why}")),
            }
        }
        // A module is gone when nothing that goes on is on it; deployed again, it answers for those that ended on it.
        for module in modules {
            let module = api.deploy(module).await?;
            for (number, run, _) in ended_on.iter().filter(|(.., on)| *on == module) {
                if let (Some(told), Some(ended)) =
                    (api.where_is_it(run).await?, results.ended.get_mut(number))
                {
                    ended.told = Some(told);
                }
            }
        }
        for status in ["running", "blocked"] {
            let lines = api.lines(status).await?;
            let broken = lines.iter().map(|line| format!("line {}: it is {status}", line.run_id));
            results.broken.extend(broken);
        }
        Ok(results)
    }
}

impl Ended {
    /// What it returned; nothing where it was ended before.
    pub(super) const fn outcome(&self) -> Option<&Outcome> {
        match &self.ending {
            Ending::Returned(outcome) => Some(outcome),
            Ending::Cancelled | Ending::WrittenOff | Ending::TimedOut | Ending::NotTaken => None,
        }
    }

    /// Where the carrier took it, and did not bring it back.
    pub(super) const fn went(&self) -> Option<&Address> {
        match &self.ending {
            Ending::Returned(Outcome::Delivered { address, .. }) => Some(address),
            Ending::Returned(_) | Ending::WrittenOff => None,
            Ending::Cancelled | Ending::TimedOut | Ending::NotTaken => self.shipped.as_ref(),
        }
    }

    /// Asks the host for an order that is over, and ended so.
    async fn gather(api: &Api, run: &str, ending: Ending) -> anyhow::Result<Self> {
        let history = api.history(run).await?;
        let charged = done(&history, "charge");
        let booked = done(&history, "book");
        let booking = |(input, _)| serde_json::from_str(input).map(|Booking { address }| address);
        Ok(Self {
            ending,
            payment: charged.map(|(_, output)| serde_json::from_str(output)).transpose()?,
            shipped: booked.map(booking).transpose()?,
            is_refused: has_failed(&history, "book"),
            was_told: history.iter().any(|entry| is_told(&entry.event)),
            changes: changes(&history)?,
            told: api.where_is_it(run).await?,
            progress: api.progress(run).await?,
        })
    }
}

/// Says so, if an order that was delivered is not found by the number that the carrier has given it.
async fn lost(api: &Api, run: &str, ending: &Ending) -> anyhow::Result<Option<String>> {
    let Ending::Returned(Outcome::Delivered { tracking, .. }) = ending else { return Ok(None) };
    let found = api.tracked(tracking).await?;
    let is_it = matches!(&found[..], [one] if one.run_id.to_string() == run);
    Ok((!is_it).then(|| format!("{run} is not found by its number {tracking}: {found:?}")))
}

/// How the run of an order ended, or why that is not over as an order is to be.
async fn ending(api: &Api, plan: &Plan, view: &RunView) -> anyhow::Result<Result<Ending, String>> {
    match (view.status, &view.output) {
        (RunStatus::Completed, Some(output)) => {
            let outcome = serde_json::from_str(output.get());
            Ok(Ok(Ending::Returned(outcome.context("what an order returned is not understood")?)))
        }
        (RunStatus::Cancelled, _) if plan.kill.is_some() => {
            let run = api.write_off(&plan.order).await?;
            let view = api.run(&run).await?;
            Ok(match view.status {
                RunStatus::Completed => Ok(Ending::WrittenOff),
                _ => Err(format!("it is not written off ({run}): {}", why(&view))),
            })
        }
        (RunStatus::Cancelled, _) => Ok(Ok(Ending::Cancelled)),
        (RunStatus::Failed, _) => {
            let error = view.error.as_deref().unwrap_or_default();
            Ok(failure(error).ok_or_else(|| error.to_owned()))
        }
        _ => Ok(Err(why(view))),
    }
}

/// Why a run has not ended as it is to.
fn why(view: &RunView) -> String {
    let blocked = view.blocked.as_ref().map(|blocked| blocked.message.clone());
    view.error.clone().or(blocked).unwrap_or_else(|| "it is not over".to_owned())
}

/// How an order ended that failed with this error, if it may and has undone what it did.
fn failure(error: &str) -> Option<Ending> {
    if error.contains("not undone") || error.contains("compensation") {
        None
    } else if error.starts_with("the run took longer than its time-out") {
        Some(Ending::TimedOut)
    } else {
        error.starts_with("step `book` failed").then_some(Ending::NotTaken)
    }
}

/// Whether somebody told the order to end.
const fn is_told(event: &HistoryEvent) -> bool {
    matches!(event, HistoryEvent::RunCancelling { error: None, .. })
}

/// Whether a step of this name has failed for good.
fn has_failed(history: &[HistoryEntry], step: &str) -> bool {
    let failed = |event: &_| matches!(event, HistoryEvent::StepFailed { name, .. } if name == step);
    history.iter().any(|entry| failed(&entry.event))
}

/// What a step of this name was given and has returned, if it has.
fn done<'a>(history: &'a [HistoryEntry], step: &str) -> Option<(&'a str, &'a str)> {
    let mut asked = None;
    history.iter().find_map(|entry| match &entry.event {
        HistoryEvent::StepStarted { op, name, input, .. } if name == step => {
            asked = Some((*op, input.as_str()));
            None
        }
        HistoryEvent::StepCompleted { op, output, .. } => {
            let (_, input) = asked.filter(|(asked, _)| asked == op)?;
            Some((input, output.as_str()))
        }
        _ => None,
    })
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
