//! What the host said, compared with what lies on its disk.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::ensure;
use segno_host::store::{Standing, Store};
use segno_journal::Event;

use crate::load::crowd::{Hook, number_of};
use crate::load::ledger::Ledger;

/// Checks that all that was acknowledged is on disk once and done, and nothing that was refused.
pub(super) fn acknowledged_is_stored(
    data: &Path,
    hooks: &[Hook],
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let store = Store::open(data)?;
    calls(&store, hooks, ledger)?;
    runs(&store, ledger)
}

fn calls(store: &Store, hooks: &[Hook], ledger: &Ledger) -> anyhow::Result<()> {
    let mut stored: BTreeMap<u64, u32> = BTreeMap::new();
    for hook in hooks {
        store.visit_turns(hook.run, 0, |turn| {
            if let Event::Requested { request, .. } = &turn.event
                && let Some(number) = number_of(&request.body)
            {
                *stored.entry(number).or_default() += 1;
            }
            ControlFlow::Continue(())
        })?;
        let record = store.run(hook.run)?;
        let goes_on = record.is_some_and(|record| record.standing == Standing::Running);
        ensure!(goes_on, "the run {} of a webhook does not go on", hook.run);
    }
    let fates = ledger.calls();
    ensure!(!fates.acknowledged.is_empty(), "no call of a webhook was acknowledged");
    for number in &fates.acknowledged {
        let times = stored.remove(number).unwrap_or_default();
        ensure!(times == 1, "call {number} was acknowledged and is stored {times} times");
    }
    for number in &fates.refused {
        ensure!(!stored.contains_key(number), "call {number} was refused and is stored");
    }
    for number in &fates.unknown {
        let times = stored.remove(number).unwrap_or_default();
        ensure!(times <= 1, "call {number} was cut off and is stored {times} times");
    }
    ensure!(stored.is_empty(), "{} calls are stored that nobody made", stored.len());
    Ok(())
}

fn runs(store: &Store, ledger: &Ledger) -> anyhow::Result<()> {
    let runs = ledger.runs();
    ensure!(!runs.is_empty(), "no start of a run was acknowledged");
    for run in runs {
        let standing = store.run(run)?.map(|record| record.standing);
        let end = store.last_turn(run)?.map(|turn| turn.verdict);
        let is_done = matches!(standing, Some(Standing::Completed(_)));
        ensure!(
            is_done,
            "the start of {run} was acknowledged, and it has not completed: {standing:?}, {end:?}"
        );
    }
    for number in &ledger.starts().refused {
        let run = store.started_by("fan_out", &format!("load-{number}"))?;
        ensure!(run.is_none(), "start {number} was refused and is stored");
    }
    Ok(())
}
