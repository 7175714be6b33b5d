//! Those who order, who approve, who change their minds, who cancel, and who mend what went wrong: one after another, many at the same
//! time, all through the management API.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use segno_api::{JobStatus, RunStatus, RunView};
use tokio::time::{MissedTickBehavior, interval};

use crate::approval::Decision;
use crate::demo::api::{Answer, Api};
use crate::demo::ledger::Ledger;
use crate::demo::plan::{Change, Plan, Verdict};
use crate::desk::{Stage, WhereIsIt};
use crate::services::LOCKED;

/// How many orders are under way at the same time.
const AT_ONCE: usize = 48;

/// How often somebody looks where an order is.
const LOOK: Duration = Duration::from_millis(200);

/// How many looks in a row may fail before something is wrong with the host.
const PATIENCE: usize = 50;

/// Who decides.
pub(super) const MANAGER: &str = "manager";

/// How far the people of a demo are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// How many orders were given.
    pub(super) started: usize,
    /// How many are over.
    pub(super) over: usize,
    /// How many changes of an address were accepted, since this start.
    pub(super) accepted: usize,
    /// How many were refused.
    pub(super) refused: usize,
    /// How many orders were cancelled, since this start.
    pub(super) cancelled: usize,
    /// How many were killed.
    pub(super) killed: usize,
    /// How often a failed one was tried again.
    pub(super) retried: usize,
    /// How many were moved to another module, since this start, and how many stayed on theirs.
    pub(super) moved: (u64, u64),
}

/// The people of a demo.
#[derive(Debug)]
pub(super) struct People {
    api: Api,
    ledger: Ledger,
    tally: Mutex<Tally>,
}

impl People {
    pub(super) fn new(api: Api, ledger: Ledger) -> Self {
        Self { api, ledger, tally: Mutex::default() }
    }

    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How far they are.
    pub(super) fn tally(&self) -> Tally {
        *self.count()
    }

    fn count(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees all orders to their ends, and their lines, which clean up after them.
    pub(super) async fn see_to(&self, plans: &[Plan]) -> anyhow::Result<()> {
        let orders = stream::iter(plans).map(|plan| self.follow(plan));
        orders.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        patiently(async || Ok(self.api.lines("running").await?.is_empty().then_some(()))).await
    }

    /// Gives one order, and does about it what is planned until it is over.
    async fn follow(&self, plan: &Plan) -> anyhow::Result<()> {
        let start = async || self.api.start_within(&plan.order, plan.timeout).await.map(Some);
        let run = patiently(start).await?;
        self.count().started += 1;
        let mut looks = 0..;
        patiently(async || {
            let number = looks.next().unwrap_or(usize::MAX);
            Ok(self.look(plan, &run, number).await?.then_some(()))
        })
        .await?;
        self.count().over += 1;
        Ok(())
    }

    /// Looks once, and does what is due. True if nothing more can happen to the order.
    async fn look(&self, plan: &Plan, run: &str, number: usize) -> anyhow::Result<bool> {
        let view = self.api.run(run).await?;
        match view.status {
            RunStatus::Running => {}
            RunStatus::Paused => return self.api.resume(run).await.map(|()| false),
            RunStatus::Failed if is_not_refunded(&view) => return self.retry(run).await,
            RunStatus::Cancelled if plan.kill.is_some() => return self.write_off(plan).await,
            _ => return Ok(true),
        }
        if plan.kill.is_some_and(|after| number >= after) {
            return self.kill(run).await;
        }
        if plan.hold == Some(number) {
            return self.api.pause(run).await.map(|()| false);
        }
        if self.ledger.is_cancelled(plan.order.number) {
            return Ok(false);
        }
        if plan.cancel.is_some_and(|after| number >= after) {
            return self.cancel(plan.order.number, run).await;
        }
        let Some(WhereIsIt { stage, .. }) = self.api.where_is_it(run).await? else {
            return Ok(false);
        };
        for change in plan.changes.iter().filter(|change| change.at <= stage) {
            self.change(plan.order.number, run, change).await?;
        }
        match (stage, plan.verdict) {
            (Stage::Approval, Verdict::Approve) => self.decide(plan, true).await?,
            (Stage::Approval, Verdict::Decline) => self.decide(plan, false).await?,
            // Three days pass, or those that the parcel is on its way.
            (Stage::Approval, Verdict::Nobody) | (Stage::OnItsWay, _) => self.api.wake(run).await?,
            _ => {}
        }
        Ok(false)
    }

    /// Cancels an order, and notes that it is. It may have something to clean up, so it is not over.
    async fn cancel(&self, order: u64, run: &str) -> anyhow::Result<bool> {
        if self.api.cancel(run).await? {
            self.ledger.note_cancelled(order)?;
            self.count().cancelled += 1;
        }
        Ok(false)
    }

    /// Kills an order. What it has done is still there, so it is not over.
    async fn kill(&self, run: &str) -> anyhow::Result<bool> {
        if self.api.kill(run).await? {
            self.count().killed += 1;
        }
        Ok(false)
    }

    /// Has nothing left of an order that was killed. True when that is done.
    async fn write_off(&self, plan: &Plan) -> anyhow::Result<bool> {
        let run = self.api.write_off(&plan.order).await?;
        Ok(self.api.run(&run).await?.status != RunStatus::Running)
    }

    /// Has an order refunded that the payment service did not refund before somebody had looked at it.
    async fn retry(&self, run: &str) -> anyhow::Result<bool> {
        self.api.retry(run).await?;
        self.count().retried += 1;
        Ok(false)
    }

    /// Deploys another module when some orders are over, and has those moved to it that go on.
    pub(super) async fn change_code(&self, orders: usize, module: &[u8]) -> anyhow::Result<()> {
        patiently(async || Ok((self.tally().over >= orders / 3).then_some(()))).await?;
        let module = patiently(async || self.api.deploy(module.to_vec()).await.map(Some)).await?;
        let job = patiently(async || self.api.move_orders(&module).await.map(Some)).await?;
        let job = patiently(async || {
            let job = self.api.job(&job).await?;
            Ok((job.status != JobStatus::Running).then_some(job))
        })
        .await?;
        self.count().moved = (job.runs.done, job.runs.refused);
        Ok(())
    }

    async fn decide(&self, plan: &Plan, approved: bool) -> anyhow::Result<()> {
        let decision = Decision { by: MANAGER.to_owned(), approved };
        self.api.decide(plan.order.number, &decision).await
    }

    /// Asks for a change, unless its answer was heard, and notes what is heard.
    async fn change(&self, order: u64, run: &str, change: &Change) -> anyhow::Result<()> {
        let id = (order, change.number);
        if self.ledger.heard(id).is_some() {
            return Ok(());
        }
        let key = format!("{order}-{}", change.number);
        let accepted = match self.api.change(run, &key, &change.address).await? {
            Answer::Accepted => true,
            Answer::Refused(_) => false,
            Answer::Over | Answer::Unheard => return Ok(()),
        };
        self.ledger.note(id, accepted)?;
        let mut tally = self.count();
        let count = if accepted { &mut tally.accepted } else { &mut tally.refused };
        *count += 1;
        Ok(())
    }
}

/// Whether an order that has failed is charged still, because somebody has to look at its card.
fn is_not_refunded(view: &RunView) -> bool {
    let is_it =
        |error: &str| error.contains("compensation `refund` failed") && error.ends_with(LOCKED);
    view.error.as_deref().is_some_and(is_it)
}

/// Looks until there is what is looked for. So many failures in a row say that something is wrong with the host.
async fn patiently<T>(
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        looks.tick().await;
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => failures = 0,
            Err(error) if failures >= PATIENCE => return Err(error),
            Err(_) => failures += 1,
        }
    }
}
