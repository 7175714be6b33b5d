//! The five runs of a demo: how they are started, and what is known of them.

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segno_host::engine::{Engine, RunStatus, RunView, Started};
use serde_json::value::{RawValue, to_raw_value};

use crate::idempotent_write::Bill;
use crate::{batch_sync, crm_poll, idempotent_write, reconcile};

/// How many invoices are written.
const BILLS: usize = 60;

/// A run, as the engine shows it.
pub(super) type View = RunView;

/// One run of each workflow.
#[derive(Debug)]
pub(super) struct Runs {
    started: Vec<Started>,
    bills: Vec<Bill>,
}

/// What the runs are to do, and what those that have ended returned.
#[derive(Debug)]
pub(super) struct Results {
    /// What was to be billed.
    pub(super) bills: Vec<Bill>,
    /// What became of the records, once that is known.
    pub(super) report: Option<batch_sync::Report>,
    /// The runs that cannot go on, and why.
    pub(super) broken: Vec<String>,
}

impl Runs {
    /// Starts the runs, or finds those that were started before.
    pub(super) async fn start(engine: &Engine, seed: u64) -> anyhow::Result<Self> {
        let bills = bills(seed);
        let inputs = [
            ("crm_poll", to_raw_value(&crm_poll::Config { every: "1 second".to_owned() })?),
            ("batch_sync", to_raw_value(&batch_sync::Config { at_once: 16 })?),
            ("webhook_sync", to_raw_value(&())?),
            ("reconcile", to_raw_value(&reconcile::Config { every: "2 seconds".to_owned() })?),
            ("idempotent_write", write_input(&bills)?),
        ];
        let mut started = Vec::new();
        for (workflow, input) in inputs {
            let run = engine.start(workflow, input, Some("demo".to_owned())).await;
            started.push(run.with_context(|| format!("cannot start a run of {workflow}"))?);
        }
        Ok(Self { started, bills })
    }

    /// How the runs stand.
    pub(super) async fn views(&self, engine: &Engine) -> anyhow::Result<Vec<View>> {
        let mut views = Vec::new();
        for run in &self.started {
            views.push(engine.run(run.run_id).await?);
        }
        Ok(views)
    }

    /// What is known of what they did.
    pub(super) fn results(&self, views: &[View]) -> anyhow::Result<Results> {
        let mut results = Results { bills: self.bills.clone(), report: None, broken: Vec::new() };
        for view in views {
            if let (Some(error), _) | (None, Some(error)) =
                (&view.error, &view.blocked.as_ref().map(|blocked| blocked.message.clone()))
            {
                results.broken.push(format!("{} {}: {error}", view.workflow, view.run_id));
            }
            if view.status == RunStatus::Completed
                && view.workflow == "batch_sync"
                && let Some(output) = &view.output
            {
                results.report = Some(serde_json::from_str(output.get())?);
            }
        }
        Ok(results)
    }
}

fn write_input(bills: &[Bill]) -> serde_json::Result<Box<RawValue>> {
    to_raw_value(&idempotent_write::Config { bills: bills.to_vec(), pause: "100ms".to_owned() })
}

/// What is billed: the same for the same seed.
fn bills(seed: u64) -> Vec<Bill> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (1..=BILLS)
        .map(|number| Bill {
            customer_id: format!("customer-{number:03}"),
            amount_cents: random.random_range(500..50_000),
        })
        .collect()
}
