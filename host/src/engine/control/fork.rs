//! Forking runs: a new run that has the turns of another one up to some turn, and goes on by itself from there. What was
//! done in them is not done again.
//!
//! All of it is one commit, from a look at the old run at one moment: that hears nothing of it. The new one is then
//! taken in as after a restart.

use std::sync::Arc;

use segno_api::{RunStatus, Started};
use segno_journal::{Digest, Op, RunId};
use serde_json::json;

use crate::engine::admission::{Admitted, to_the_end};
use crate::engine::control::check_key;
use crate::engine::control::fingerprint::Fingerprint;
use crate::engine::control::fork_plan::{NewFork, PlannedFork};
use crate::engine::control::plan::Entered;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{self, Begun};
use crate::engine::reads::{Worth, may_block};
use crate::store::{Draft, HeldEvent, RunRecord, StartKey, StoreError, Unmet};

impl Engine {
    /// Makes a new run that has the turns of another one up to some turn: what was done in them is not done again. What
    /// had been asked for by then and has its result since has that; the steps that have none, or failed since, or get
    /// another input, begin anew, with IDs of the new run. The new run may take as long as the old one might, the same
    /// URL is called at its end, and it has the attributes of then.
    ///
    /// # Errors
    ///
    /// The run is not known, cannot be forked there, or gives other commands on the module; nothing was stored then.
    pub async fn fork(&self, from: RunId, new: NewFork) -> Result<Started, EngineError> {
        check_key(new.key.as_deref())?;
        let bytes = new.inputs.values().map(String::len).sum::<usize>();
        let limit = self.0.config.limits.payload;
        if bytes > limit {
            let what = "what the steps of the fork are given";
            return Err(EngineError::TooLarge { what, size: bytes, limit });
        }
        let fingerprint = new.fingerprint()?;
        let run = self.name_run();
        let admitted = self.admit_to(run, bytes)?;
        let place = self.0.admission.query().await?;
        // It goes with this future, and whoever makes the plan sees that.
        let asker = Arc::new(());
        let worth = Worth::new(&asker, self.0.outside.now());
        let engine = self.clone();
        let forked = to_the_end(async move {
            let _place = place;
            engine.fork_once((from, run), (new, fingerprint), admitted, worth).await
        })
        .await;
        drop(asker);
        forked
    }

    async fn fork_once(
        &self,
        (from, run): (RunId, RunId),
        (new, fingerprint): (NewFork, u64),
        admitted: Admitted,
        worth: Worth,
    ) -> Result<Started, EngineError> {
        let workflow = may_block(|| self.record(from))?.workflow;
        if let Some(key) = &new.key
            && let Some(before) = may_block(|| self.0.store.started_by(&workflow, key))?
        {
            return may_block(|| self.forked_before(before, (from, fingerprint)));
        }
        let planned = may_block(|| self.plan_fork(from, &new, fingerprint, &worth))?;
        let module = planned.record.module;
        let Some(mut entered) = Entered::on(&self.0.modules, module) else {
            return Err(module_is_gone(from, module));
        };
        let (draft, record) = may_block(|| draft_of(run, planned, new.key));
        let begun = Begun { run, record, member: None, _admitted: Some(admitted) };
        let batch = inbox::Batched { begun: vec![begun], posted: Vec::new() };
        match self.submit_batch(draft.giving(batch)).await {
            Ok(()) => entered.stay(),
            // Somebody else was quicker by less than a commit.
            Err(StoreError::Unmet(Unmet::Started(before))) => {
                return may_block(|| self.forked_before(before, (from, fingerprint)));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Started { run_id: run, status: RunStatus::Running, created: true })
    }

    /// The run that the key has started before, if it is the same fork.
    fn forked_before(
        &self,
        run_id: RunId,
        (from, fingerprint): (RunId, u64),
    ) -> Result<Started, EngineError> {
        let record = self.record(run_id)?;
        let is_same = record
            .forked
            .as_deref()
            .is_some_and(|lineage| (lineage.from, lineage.fingerprint) == (from, fingerprint));
        match is_same {
            true => Ok(Started { run_id, status: self.status(run_id)?, created: false }),
            false => Err(EngineError::OtherInput(run_id)),
        }
    }
}

impl NewFork {
    /// What is asked for comes down to this. It is kept on disk, so what stands here is never changed.
    fn fingerprint(&self) -> Result<u64, EngineError> {
        let of = |(op, input): (&Op, &String)| {
            let input = Fingerprint::of(input).map_err(EngineError::UnreadableInput)?;
            Ok((op.0, input.number()))
        };
        let inputs = self.inputs.iter().map(of).collect::<Result<Vec<_>, EngineError>>()?;
        let asked = json!([self.turn, self.module, inputs]);
        Ok(Fingerprint::of_any(&asked.to_string()).number())
    }
}

/// What is written for a fork.
fn draft_of(run: RunId, planned: PlannedFork, key: Option<String>) -> (Draft<()>, RunRecord) {
    let PlannedFork { record, copied, forked, again } = planned;
    let mut draft = Draft::nothing().with_copied(run, copied, forked).with_run(run, &record);
    draft = draft.with_key(&record.workflow, key.map(StartKey::Once), run);
    for (position, (at, event)) in (0..).zip(again) {
        draft = draft.with_held(run, position, &HeldEvent { at, event });
    }
    (draft, record)
}

fn module_is_gone(run: RunId, module: Digest) -> EngineError {
    let reason = format!(
        "module {module} is not kept any more, since no run that has not ended was on it: give the module on which the \
         fork is to go on"
    );
    EngineError::CannotFork { run, reason }
}
