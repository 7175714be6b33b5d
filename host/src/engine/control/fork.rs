//! Forking runs: a new run that has the turns of another one up to some turn, and goes on by itself from there. What was
//! done in them is not done again.
//!
//! All of it is one commit, from a look at the old run at one moment: that hears nothing of it. The new one is then
//! taken in as after a restart.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use segno_api::{RunStatus, Started};
use segno_journal::{
    Branch, Digest, Event, Fork, NoFork, Op, Run, RunId, Timestamp, Turn, Verdict,
};

use crate::engine::admission::{Admitted, to_the_end};
use crate::engine::control::check_key;
use crate::engine::control::plan::Entered;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{self, Asker, Begun};
use crate::engine::reads::{Original, Past, Worth, may_block};
use crate::engine::shard::{does_not_fit, rewind};
use crate::store::{
    Copied, Draft, HeldEvent, Lineage, MAX_ANCESTORS, RunRecord, Standing, StartKey, Store,
    StoreError, Unmet,
};

/// How a run is to be forked.
#[derive(Debug, Clone, Default)]
pub struct NewFork {
    /// Before which turn the new run leaves it. Where none is given: of a run that has failed, the one that delivered
    /// the failure; of another one that has ended, its last one; else it leaves it as it stands.
    pub turn: Option<u64>,
    /// The module on which it goes on: a digest, or a beginning of one that no other has; else that of the run.
    pub module: Option<String>,
    /// The steps that are open then and are to have another input, which is JSON.
    pub inputs: BTreeMap<Op, String>,
    /// A fork with the same key, of the same run in the same way, is the same fork.
    pub key: Option<String>,
    /// Who asks.
    pub by: Asker,
}

/// What has to be written for a fork.
struct Planned {
    record: RunRecord,
    copied: Copied,
    forked: Turn,
    again: Vec<(Timestamp, Event)>,
}

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
        let run = self.name_run();
        let admitted = self.admit_to(run, bytes)?;
        let place = self.0.admission.query().await?;
        let engine = self.clone();
        to_the_end(async move {
            let _place = place;
            engine.fork_once((from, run), new, admitted).await
        })
        .await
    }

    async fn fork_once(
        &self,
        (from, run): (RunId, RunId),
        new: NewFork,
        admitted: Admitted,
    ) -> Result<Started, EngineError> {
        let workflow = may_block(|| self.record(from))?.workflow;
        if let Some(key) = &new.key
            && let Some(before) = may_block(|| self.0.store.started_by(&workflow, key))?
        {
            return may_block(|| self.forked_before(before, from, &new));
        }
        let planned = may_block(|| self.plan_fork(from, &new))?;
        let module = planned.record.module;
        let Some(mut entered) = Entered::on(&self.0.modules, module) else {
            return Err(module_is_gone(from, module));
        };
        let (draft, record) = may_block(|| draft_of(run, planned, new.key.clone()));
        let begun = Begun { run, record, member: None, _admitted: Some(admitted) };
        let batch = inbox::Batched { begun: vec![begun], posted: Vec::new() };
        match self.submit_batch(draft.giving(batch)).await {
            Ok(()) => entered.stay(),
            // Somebody else was quicker by less than a commit.
            Err(StoreError::Unmet(Unmet::Started(before))) => {
                return may_block(|| self.forked_before(before, from, &new));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Started { run_id: run, status: RunStatus::Running, created: true })
    }

    /// The run that the key has started before, if it is the same fork.
    fn forked_before(
        &self,
        run_id: RunId,
        from: RunId,
        new: &NewFork,
    ) -> Result<Started, EngineError> {
        let record = self.record(run_id)?;
        let lineage = record.forked.as_deref().filter(|lineage| lineage.from == from);
        let is_same = match lineage {
            Some(lineage) if new.turn.is_none_or(|turn| turn == lineage.turn) => {
                let turn = self.0.store.turn(run_id, lineage.turn)?;
                match turn.map(|turn| turn.event) {
                    Some(Event::Forked { fork }) => {
                        fork.inputs.iter().map(|(op, input)| (op, input)).eq(&new.inputs)
                    }
                    // It was forgotten, as its workflow wishes.
                    _ => true,
                }
            }
            _ => false,
        };
        if !is_same {
            return Err(EngineError::OtherInput(run_id));
        }
        Ok(Started { run_id, status: self.status(run_id)?, created: false })
    }

    /// What has to be written for a fork, as things stand.
    fn plan_fork(&self, run: RunId, new: &NewFork) -> Result<Planned, EngineError> {
        let no_fork = |reason| EngineError::CannotFork { run, reason };
        // Behind this moment the run goes on, and turns and images of it are taken away.
        let store = self.0.store.pinned()?;
        let record = store.run(run)?.ok_or(EngineError::UnknownRun(run))?;
        let named = new.module.as_deref().map(|text| self.0.modules.named(text)).transpose()?;
        let module = named.unwrap_or(record.module);
        let is_other = module != record.module;
        let turn = turn_of(&store, (run, &record), new.turn, is_other)?.map_err(no_fork)?;
        let lineage = record.lineage_before(run, turn).ok_or_else(|| {
            let reason = format!(
                "more than {MAX_ANCESTORS} runs would have turns of it: start it with `run-again`"
            );
            no_fork(reason)
        })?;
        let copied = store.to_copy(run, turn, module)?;
        let copied = copied.map_err(|why| no_fork(why.to_string()))?;
        let state = copied.state().map_err(|fault| no_fork(fault.to_string()))?;
        let first_op = Op(state.operations());
        let again = since(&store, (run, turn), state, &new.inputs)?;
        let again = again.map_err(|why| no_fork(why.to_string()))?;
        let record = if is_other {
            let past = Past::of(&store, run, Some(turn - 1))?;
            let original = Original { store, run, record, past };
            let asker = Arc::new(());
            let worth = Worth::new(&asker, self.0.outside.now());
            let agrees = self.agrees_on(&original, module, &worth);
            agrees.map_err(|why| does_not_fit(run, why))?;
            original.record
        } else {
            record
        };
        let record = self.record_of_fork((&record, lineage), module, new.key.as_deref());
        let at = record.started_at.max(copied.last().map_or(record.started_at, |last| last.at));
        let inputs = new.inputs.clone().into_iter().collect();
        let event =
            Event::Forked { fork: Fork { by: new.by.clone().into_name(), from: run, inputs } };
        let (commands, verdict, log) = (Vec::new(), Verdict::Waiting, Vec::new());
        let forked = Turn { seq: turn, first_op, at, event, commands, verdict, log };
        Ok(Planned { record, copied, forked, again })
    }

    /// The record of a fork of a run, which begins now on this module.
    fn record_of_fork(
        &self,
        (of, lineage): (&RunRecord, Lineage),
        module: Digest,
        key: Option<&str>,
    ) -> RunRecord {
        let (now, seed) = (self.0.outside.now(), self.0.outside.random().seed());
        RunRecord {
            on_end: of.on_end.clone(),
            times_out_at: of.timeout().map(|(ms, _from)| now.plus_ms(ms)),
            key: key.map(Into::into),
            forked: Some(Arc::new(lineage)),
            ..RunRecord::new(Arc::clone(&of.workflow), module, now, seed, Standing::Running)
        }
    }
}

/// Before which turn a run is forked, or why it cannot be.
fn turn_of(
    store: &Store,
    (run, record): (RunId, &RunRecord),
    turn: Option<u64>,
    on_other_code: bool,
) -> Result<Result<u64, String>, StoreError> {
    let last = store.last_turn(run)?;
    let has_ended = record.standing.ended_at().is_some();
    let most = last.map_or(0, |last| last.seq + u64::from(!has_ended));
    Ok(match (turn, &record.standing) {
        _ if most == 0 => {
            Err("it has had no turn that could be kept: start it with `run-again`".to_owned())
        }
        (Some(turn), _) if (1..=most).contains(&turn) => Ok(turn),
        (Some(turn), _) => Err(format!(
            "it has no turn {turn} before which to leave it: give one from 1 to {most}"
        )),
        (None, Standing::Failed(_)) => {
            rewind(store, (run, record), None, on_other_code)?.map(|rewind| rewind.turn)
        }
        (None, _) => Ok(most),
    })
}

/// What happened since a turn to what a run had asked for before that, and comes again; or why it cannot be forked
/// there.
fn since(
    store: &Store,
    (run, turn): (RunId, u64),
    state: Run,
    inputs: &BTreeMap<Op, String>,
) -> Result<Result<Vec<(Timestamp, Event)>, NoFork>, StoreError> {
    let mut branch = match Branch::at(state, inputs) {
        Ok(branch) => branch,
        Err(why) => return Ok(Err(why)),
    };
    let mut refused = None;
    store.visit_turns(run, turn, |turn| {
        refused = branch.since(turn).err();
        if refused.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(refused.map_or_else(|| branch.again(), Err))
}

/// What is written for a fork.
fn draft_of(run: RunId, planned: Planned, key: Option<String>) -> (Draft<()>, RunRecord) {
    let Planned { record, copied, forked, again } = planned;
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
