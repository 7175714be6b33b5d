//! What has to be written for a fork, as things stand at one moment: what is copied, what comes again, and which steps
//! begin anew.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use segno_journal::{Branch, Digest, Event, Fork, NoFork, Op, RunId, Timestamp, Turn, Verdict};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Asker;
use crate::engine::reads::{Original, Past, Worth};
use crate::engine::shard::{does_not_fit, rewind};
use crate::sandbox::ABI;
use crate::store::{
    Copied, HeldEvent, Later, Lineage, MAX_ANCESTORS, RunRecord, Standing, Store, StoreError,
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
pub(super) struct PlannedFork {
    pub(super) record: RunRecord,
    pub(super) copied: Copied,
    pub(super) forked: Turn,
    pub(super) again: Vec<(Timestamp, Event)>,
}

/// What came to a run since a turn.
struct Since {
    again: Vec<(Timestamp, Event)>,
    /// The steps that begin anew.
    steps: Vec<Op>,
    later: Later,
}

impl Engine {
    /// What has to be written for a fork of a run, as things stand.
    pub(super) fn plan_fork(
        &self,
        run: RunId,
        wanted: &NewFork,
        fingerprint: u64,
        worth: &Worth,
    ) -> Result<PlannedFork, EngineError> {
        let no_fork = |reason: &dyn std::fmt::Display| cannot_fork(run, reason.to_string());
        // Behind this moment the run goes on, and turns and images of it are taken away.
        let store = self.0.store.pinned()?;
        let record = store.run(run)?.ok_or(EngineError::UnknownRun(run))?;
        let named = wanted.module.as_deref().map(|text| self.0.modules.named(text)).transpose()?;
        let module = named.unwrap_or(record.module);
        let is_other = module != record.module;
        let turn = turn_of(&store, (run, &record), wanted.turn, is_other)?;
        let turn = turn.map_err(|reason| no_fork(&reason))?;
        let lineage = lineage_of(&store, (run, &record), turn)?.map_err(|why| no_fork(&why))?;
        let copied = store.to_copy(run, turn, (module, ABI))?;
        let mut copied = copied.map_err(|why| no_fork(&why))?;
        let state = copied.state().map_err(|fault| no_fork(&fault))?;
        let first_op = Op(state.operations());
        let branch = Branch::at(state, &wanted.inputs).map_err(|why| no_fork(&why))?;
        let Since { again, steps, later } = self.since(&store, (run, turn), branch, worth)?;
        copied.settle(&later);
        let of = (&record, Lineage { fingerprint, ..lineage });
        let record_of_fork = self.record_of_fork(of, module, wanted.key.as_deref());
        if is_other {
            let past = Past::of(&store, run, Some(turn - 1))?;
            self.fits(&Original { store, run, record, past }, module, worth)?;
        }
        let record = record_of_fork;
        let at = record.started_at.max(copied.last().map_or(record.started_at, |last| last.at));
        let (by, from) = (wanted.by.clone().into_name(), run);
        let inputs = wanted.inputs.clone().into_iter().collect();
        let event = Event::Forked { fork: Fork { by, from, inputs, steps } };
        let (commands, verdict, log) = (Vec::new(), Verdict::Waiting, Vec::new());
        let forked = Turn { seq: turn, first_op, at, event, commands, verdict, log };
        Ok(PlannedFork { record, copied, forked, again })
    }

    /// What came to a run since a turn: what it has heard of, what is held of it, or lies there for it, and how children
    /// of it have ended of which it has not heard.
    fn since(
        &self,
        store: &Store,
        (run, turn): (RunId, u64),
        mut branch: Branch,
        worth: &Worth,
    ) -> Result<Since, EngineError> {
        let no_fork = |why: NoFork| cannot_fork(run, why.to_string());
        let mut later = Later::default();
        let mut refused = Ok(());
        store.visit_turns(run, turn, |turn| {
            later.note(&turn);
            refused = self.is_worth(run, worth).and_then(|()| branch.since(turn).map_err(no_fork));
            if refused.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        refused?;
        let mut refused = Ok(());
        store.visit_held(run, 0, |_position, HeldEvent { at, event }| {
            refused = branch.came(at, event).map_err(no_fork);
            if refused.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        refused?;
        for posted in store.posted_to(run)? {
            if let Some(HeldEvent { at, event }) = store.posted(&posted)? {
                branch.came(at, event).map_err(no_fork)?;
            }
        }
        for (op, child) in branch.children() {
            if let Some(end) = store.child_end(child)? {
                let event = Event::ChildEnded { op, end };
                branch.came(self.0.outside.now(), event).map_err(no_fork)?;
            }
        }
        let (again, steps) = branch.again().map_err(no_fork)?;
        Ok(Since { again, steps, later })
    }

    /// That the run does the same on another module, up to where it is forked.
    fn fits(&self, original: &Original, module: Digest, worth: &Worth) -> Result<(), EngineError> {
        self.agrees_on(original, module, worth).map_err(|why| {
            let not_done = self.is_worth(original.run, worth).err();
            not_done.unwrap_or_else(|| does_not_fit(original.run, why))
        })
    }

    /// That somebody waits for the fork still, the host goes on, and it does not take too long.
    fn is_worth(&self, run: RunId, worth: &Worth) -> Result<(), EngineError> {
        match worth.check(&self.0.admission, self.0.outside.now()) {
            Ok(()) => Ok(()),
            Err(_) if self.0.admission.asks_no_more() => Err(EngineError::Stopping),
            Err(_) => {
                let reason = "it took too long to read what came since, or to try that on the module, or nobody \
                              waits for it any more: give a later turn, or its own module";
                Err(cannot_fork(run, reason.to_owned()))
            }
        }
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

fn cannot_fork(run: RunId, reason: String) -> EngineError {
    EngineError::CannotFork { run, reason }
}

/// Of which runs a fork has its turns, or why there is none.
fn lineage_of(
    store: &Store,
    (run, record): (RunId, &RunRecord),
    turn: u64,
) -> Result<Result<Lineage, String>, StoreError> {
    let Some(lineage) = record.lineage_before(run, turn) else {
        return Ok(Err(format!(
            "more than {MAX_ANCESTORS} runs would have turns of it: start it with `run-again`"
        )));
    };
    let set_aside = lineage.set_aside.max(store.set_aside_before(run)?);
    Ok(Ok(Lineage { set_aside, ..lineage }))
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
            let rewind = rewind(store, (run, record), None, on_other_code)?;
            rewind.map(|rewind| rewind.turn).map_err(|why| {
                format!("to leave it before the turn that delivered its failure, {why}; or give another turn")
            })
        }
        (None, _) => Ok(most),
    })
}
