//! One run: how it stands, its history, and waiting for its end.

use std::collections::BTreeMap;

use segno_api::{
    AttributeView, BlockedView, ForkedFrom, HistoryPage, ModuleView, OnEndStatus, OnEndView,
    ParentView, RunStatus, RunSummary, RunView, WorkflowView, when,
};
use std::time::Duration;

use segno_journal::{Blocked, Event, Failure, RunId, Verdict};
use serde_json::value::RawValue;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Inspection, Message};
use crate::engine::reads::lists::summary;
use crate::engine::reads::pages;
use crate::engine::shard::Active;
use crate::engine::shard::{Heartbeats, Suspects};
use crate::engine::shard::{cleanup, looked_at};
use crate::engine::shard::{status_of, waits_for};
use crate::store::{EndCall, RunRecord, StoreError};

/// How many turns one page of a history may have.
const MAX_TURNS: usize = 10_000;

impl Engine {
    /// A run, as it stands.
    ///
    /// # Errors
    ///
    /// There is no such run, the store cannot be read, or the host has too much to do.
    pub async fn run(&self, run: RunId) -> Result<RunView, EngineError> {
        let asked = async {
            let (asker, answer) = oneshot::channel();
            let admitted = self.0.admission.admit_to(self.0.inboxes.shard_of(run), 0)?;
            self.0.inboxes.send(run, Message::Inspect { run, asker, admitted });
            // A shard that is gone says nothing; the disk still does.
            Ok::<_, EngineError>(answer.await.unwrap_or_default())
        };
        let active = tokio::select! {
            biased;
            () = self.until_unresponsive(run) => may_block(|| self.inspect_on_disk(run))?,
            active = asked => active?,
        };
        may_block(|| self.view(run, active))
    }

    /// How a run that has not ended stands on the disk, where its shard does not answer.
    fn inspect_on_disk(&self, run: RunId) -> Result<Option<Inspection>, EngineError> {
        let Some(active) = self.active_on_disk(run)? else { return Ok(None) };
        let waits_for = waits_for(
            &active,
            (&Suspects::default(), &Heartbeats::default()),
            self.0.outside.steps(),
        );
        let (turns, cleanup) = (active.run.turns(), cleanup(&active));
        Ok(Some(Inspection { record: active.record, turns, waits_for, cleanup }))
    }

    /// A run that has not ended, as it is on the disk: one that cannot be read is as before its first turn.
    pub(crate) fn active_on_disk(&self, run: RunId) -> Result<Option<Active>, EngineError> {
        let record = self.record(run)?;
        if record.standing.ended_at().is_some() {
            return Ok(None);
        }
        Ok(Some(looked_at(&self.0.store, (run, record), self.0.config.limits)?))
    }

    /// What is shown of a run, with what its shard says of it if it has not ended.
    fn view(&self, run: RunId, active: Option<Inspection>) -> Result<RunView, EngineError> {
        let input = self.input(run)?;
        match active {
            // Of one that was not read, the disk says how many turns it has had.
            Some(active) if active.turns == 0 => {
                let (turns, _) = self.ending(run)?;
                self.with_moment(view(run, input, Inspection { turns, ..active }, Ended::default()))
            }
            Some(active) => self.with_moment(view(run, input, active, Ended::default())),
            None => {
                let record = self.record(run)?;
                let (turns, ended) = self.ending(run)?;
                self.with_moment(view(
                    run,
                    input,
                    Inspection { record, turns, waits_for: Vec::new(), cleanup: None },
                    ended,
                ))
            }
        }
    }

    /// The same with what neither its shard nor its record has: its attributes, the moment of its last block, and how
    /// it stands with the call at its end.
    fn with_moment(&self, mut view: RunView) -> Result<RunView, EngineError> {
        let attributes = self.0.store.attributes(view.run_id)?.into_iter();
        view.attributes =
            attributes.map(|(name, attribute)| (name, AttributeView(attribute.value))).collect();
        if let Some(blocked) = &mut view.blocked {
            blocked.at = self.blocked_at(view.run_id)?;
        }
        if let Some(on_end) = view.on_end.as_mut().filter(|_| view.status.has_ended()) {
            let owed = self.0.store.end_call(view.run_id)?;
            let is_owed = owed.as_ref().map(|owed| owed.due.is_some());
            on_end.status = match is_owed {
                None => OnEndStatus::Made,
                Some(true) => OnEndStatus::Owed,
                Some(false) => OnEndStatus::GivenUp,
            };
            let EndCall { failed, due, error } = owed.unwrap_or_default();
            (on_end.failed, on_end.due_at, on_end.error) = (failed, due.map(when), error);
        }
        Ok(view)
    }

    /// A run when it has ended or is blocked, or as it stands when the time is up.
    ///
    /// # Errors
    ///
    /// As [`Engine::run`]; or the run has not ended, and there is no room for one more who waits.
    pub async fn wait(&self, run: RunId, at_most: Duration) -> Result<RunView, EngineError> {
        let deadline = Instant::now() + at_most;
        let mut place = None;
        loop {
            // Listen first, then look: nothing can happen unheard in between.
            let heard = self.0.outside.waiters().expect_end(run);
            let view = self.run(run).await?;
            if view.status.has_ended() || view.status == RunStatus::Blocked {
                return Ok(view);
            }
            if place.is_none() {
                place = Some(self.0.outside.waiters().place_for_end()?);
            }
            match tokio::time::timeout_at(deadline, heard).await {
                Ok(Ok(())) => {}
                // The time is up, or the host stops and lets everybody go.
                Ok(Err(_)) | Err(_) => return Ok(view),
            }
        }
    }

    /// What happened to a run, from a turn on.
    ///
    /// # Errors
    ///
    /// There is no such run, or the store cannot be read.
    pub async fn history(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<HistoryPage, EngineError> {
        let engine = self.clone();
        self.blocking(move || engine.tell(run, from, max.clamp(1, MAX_TURNS))).await
    }

    fn tell(&self, run: RunId, from: u64, max: usize) -> Result<HistoryPage, EngineError> {
        self.record(run)?;
        Ok(pages::page(&self.0.store, run, from, max)?)
    }

    /// What was set aside of a run when it was tried again, under a number that its history says, from a turn on.
    ///
    /// # Errors
    ///
    /// There is no such run, or the store cannot be read.
    pub async fn set_aside(
        &self,
        run: RunId,
        number: u32,
        from: u64,
        max: usize,
    ) -> Result<HistoryPage, EngineError> {
        let engine = self.clone();
        let max = max.clamp(1, MAX_TURNS);
        self.blocking(move || {
            engine.record(run)?;
            Ok(pages::aside(&engine.0.store, (run, number), from, max)?)
        })
        .await
    }

    /// All modules, newest first.
    ///
    /// # Errors
    ///
    /// None today; the signature leaves room for a store that has to be asked.
    pub async fn modules(&self) -> Result<Vec<ModuleView>, EngineError> {
        Ok(self.0.modules.view())
    }

    /// A workflow, as the module has it that starts its new runs.
    ///
    /// # Errors
    ///
    /// There is no such workflow.
    pub fn workflow(&self, name: &str) -> Result<WorkflowView, EngineError> {
        self.0.modules.workflow(name)
    }

    /// Reads on a thread that may wait for the disk, once it is its turn.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let turn = self.0.admission.read().await?;
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read()
        });
        reading.await.map_err(|_panicked_or_stopped| EngineError::Stopping)?
    }

    /// How a run stands on disk. For a task: others go on meanwhile.
    pub(crate) fn status(&self, run: RunId) -> Result<RunStatus, EngineError> {
        may_block(|| self.record(run)).map(|record| status_of(&record.standing))
    }

    pub(crate) fn record(&self, run: RunId) -> Result<RunRecord, EngineError> {
        self.0.store.run(run)?.ok_or(EngineError::UnknownRun(run))
    }

    /// What the run was given. A run that was blocked at its first event has it among the events
    /// that wait, even if it was cancelled then.
    pub(crate) fn input(&self, run: RunId) -> Result<Box<RawValue>, EngineError> {
        // Of one moment: a start that was held is not between the two.
        let store = self.0.store.pinned()?;
        let first = store.turn(run, 0)?.map(|turn| turn.event);
        let input = match first.and_then(Event::into_input) {
            None => store.first_held(run, 0)?.and_then(|(_, held)| held.event.into_input()),
            input => input,
        };
        input.map_or(Err(EngineError::UnknownRun(run)), raw)
    }

    /// How a run ended, where its last turn can be read.
    pub(crate) fn end_of(&self, run: RunId) -> Result<Ended, EngineError> {
        self.ending(run).map(|(_turns, ended)| ended)
    }

    /// How many turns an ended run had, and how it ended.
    fn ending(&self, run: RunId) -> Result<(u64, Ended), EngineError> {
        let Some(last) = self.0.store.last_turn(run)? else { return Ok((0, Ended::default())) };
        let ended = match last.verdict {
            Verdict::Completed(output) => Ended { output: Some(raw(output)?), failure: None },
            verdict => Ended { output: None, failure: verdict.into_failure() },
        };
        Ok((last.seq + 1, ended))
    }
}

/// Reads here and now what may take a while; where other tasks share the thread, they go on elsewhere
/// meanwhile.
pub(crate) fn may_block<T>(read: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => read(),
        _ => tokio::task::block_in_place(read),
    }
}

/// How a run ended.
#[derive(Default)]
pub(crate) struct Ended {
    /// What it returned, if it did.
    pub(crate) output: Option<Box<RawValue>>,
    /// Why it failed, if it did.
    pub(crate) failure: Option<Failure>,
}

fn view(run_id: RunId, input: Box<RawValue>, known: Inspection, ended: Ended) -> RunView {
    let Inspection { record, turns, waits_for, cleanup } = known;
    let blocked = record.standing.blocked().map(|Blocked { kind, message }| BlockedView {
        kind: *kind,
        message: message.clone(),
        at: None,
    });
    let parent =
        record.parent.as_deref().map(|parent| ParentView { run_id: parent.run, op: parent.op.0 });
    let forked_from = record.forked.as_deref();
    let forked_from =
        forked_from.map(|lineage| ForkedFrom { run_id: lineage.from, turn: lineage.turn });
    let on_end = record.on_end.as_deref().map(|url| OnEndView {
        url: url.to_owned(),
        status: OnEndStatus::Waiting,
        failed: 0,
        due_at: None,
        error: None,
    });
    let (begins_at, times_out_at) = (record.begins_at.map(when), record.times_out_at.map(when));
    let RunSummary { workflow, status, module, started_at, ended_at, .. } = summary(run_id, record);
    let Ended { output, failure } = ended;
    let (error, error_type, error_at) = match failure {
        Some(Failure { message, kind, place }) => (Some(message), kind, place),
        None => (None, None, None),
    };
    RunView {
        run_id,
        workflow,
        status,
        module,
        started_at,
        begins_at,
        times_out_at,
        ended_at,
        parent,
        forked_from,
        turns,
        input,
        output,
        error,
        error_type,
        error_at,
        blocked,
        waits_for,
        cleanup,
        on_end,
        attributes: BTreeMap::new(),
    }
}

fn raw(json: String) -> Result<Box<RawValue>, EngineError> {
    RawValue::from_string(json).map_err(|error| {
        StoreError::Record {
            table: "turns".into(),
            detail: format!("a value is not JSON: {error}"),
        }
        .into()
    })
}
