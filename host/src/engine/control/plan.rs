//! What has to be written for a batch, as things stand, and writing it. What the plan leans on is looked at once
//! more in the commit: keys that nobody has taken, and runs that have not ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use segno_api::{BatchStarted, Batched, IfRunning};
use segno_journal::{Digest, Event, MAX_UNTAKEN_BYTES, RunId, Timestamp};
use tokio::sync::oneshot;

use crate::engine::admission::Admitted;
use crate::engine::control::batch::{NewBatch, StartInBatch, in_batch};
use crate::engine::control::fingerprint::Fingerprint;
use crate::engine::control::signal::NewSignal;
use crate::engine::control::start::first;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{self, Announced, Begun, First, Message, RoomFor};
use crate::engine::modules::Modules;
use crate::engine::reads::may_block;
use crate::engine::shard::status_of;
use crate::store::{BatchRecord, Draft, HeldEvent, Posted, StoreError, Unmet};

/// What has to be written for a batch.
pub(super) struct Plan<'a> {
    starts: Vec<Planned>,
    signals: Vec<Sent<'a>>,
    /// The room that the signals take on their way, by the shards of their runs.
    places: BTreeMap<usize, Arc<Admitted>>,
    entered: Entered<'a>,
}

/// A start of a batch.
enum Planned {
    /// A run that is to be written.
    New(Box<Begun>),
    /// A run that the key of the start has started before.
    Known(BatchStarted),
}

/// A signal of a batch to a run that there is.
struct Sent<'a> {
    /// Where it stands in the batch: in which list, under which number.
    at: (&'static str, usize),
    run: RunId,
    signal: &'a NewSignal,
    /// Where the run has ended, another one is started, which is sent it.
    may_come_with_another: bool,
}

/// The modules on which new runs count, until they are on disk and their shards see to that.
pub(super) struct Entered<'a> {
    modules: &'a Modules,
    digests: Vec<Digest>,
}

impl<'a> Entered<'a> {
    /// On a module; nothing where that is not there.
    pub(super) fn on(modules: &'a Modules, module: Digest) -> Option<Self> {
        modules.enter(module).then(|| Self { modules, digests: vec![module] })
    }

    /// The runs are on disk, and their shards see to it that they leave.
    pub(super) fn stay(&mut self) {
        self.digests.clear();
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // Where nothing was written, seldom and little: it need not wait where it may.
        self.digests.drain(..).for_each(|digest| self.modules.leave(digest));
    }
}

impl Engine {
    /// What has to be written for a batch as things stand.
    pub(super) fn plan<'a>(&'a self, batch: &'a NewBatch) -> Result<Plan<'a>, EngineError> {
        let entered = Entered { modules: &self.0.modules, digests: Vec::new() };
        let (starts, signals, places) = <_>::default();
        let mut plan = Plan { starts, signals, places, entered };
        for (number, start) in batch.starts.iter().enumerate() {
            let at = ("starts", number);
            let planned = self.plan_start(start).map_err(|error| in_batch(at, error))?;
            match &planned {
                Planned::New(begun) => plan.entered.digests.push(begun.record.module),
                Planned::Known(BatchStarted { run_id: run, .. }) => {
                    let may_come_with_another = start.new.if_running.is_some();
                    let sent = start.new.signals.iter();
                    plan.signals.extend(sent.map(|signal| Sent {
                        at,
                        run: *run,
                        signal,
                        may_come_with_another,
                    }));
                }
            }
            plan.starts.push(planned);
        }
        for (number, (run, signal)) in batch.signals.iter().enumerate() {
            let at = ("signals", number);
            plan.signals.push(Sent { at, run: *run, signal, may_come_with_another: false });
        }
        Ok(plan)
    }

    fn plan_start(&self, start: &StartInBatch) -> Result<Planned, EngineError> {
        let StartInBatch { workflow, input, new } = start;
        if let (Some(key), Some(if_running)) = (&new.key, new.if_running) {
            let running = may_block(|| self.0.store.running_by(workflow, key))?;
            match (running, if_running) {
                (None, _) => {}
                (Some(run), IfRunning::Use) => return self.known_start(run).map(Planned::Known),
                (Some(run), IfRunning::Refuse | IfRunning::Cancel) => {
                    return Err(EngineError::AlreadyRunning(run));
                }
            }
        } else if let Some(key) = &new.key
            && let Some(run) = may_block(|| self.0.store.started_by(workflow, key))?
        {
            may_block(|| self.was_started_with(run, Fingerprint::of_any(input.get())))?;
            return self.known_start(run).map(Planned::Known);
        }
        let run = self.name_run();
        let bytes = new.signals.iter().map(NewSignal::size).sum::<usize>() + input.get().len();
        let admitted = Some(self.admit_to(run, bytes)?);
        let record = self.new_record(workflow, new)?;
        Ok(Planned::New(Box::new(Begun { run, record, member: None, _admitted: admitted })))
    }

    /// Sees to it that the runs can take what they are sent, as they stand. Several batches may find so in one
    /// moment, so more can come than a run else has; how much more is bounded by what is admitted, which is given
    /// back when it has come.
    pub(super) async fn ask_for_room(&self, plan: &mut Plan<'_>) -> Result<(), EngineError> {
        let mut of_runs = BTreeMap::<RunId, Vec<&Sent<'_>>>::new();
        plan.signals.iter().for_each(|sent| of_runs.entry(sent.run).or_default().push(sent));
        plan.places = self.places(&of_runs)?;
        let mut asked = Vec::new();
        for (run, sent) in of_runs {
            let place = Arc::clone(&plan.places[&self.0.inboxes.shard_of(run)]);
            let (asker, answer) = oneshot::channel();
            let signals = sent.iter().map(|sent| sent.announced()).collect();
            let room = RoomFor { run, signals, asker, place };
            self.0.inboxes.send(run, Message::Room(Box::new(room)));
            asked.push((run, sent, answer));
        }
        for (run, sent, answer) in asked {
            let answer = tokio::select! {
                biased;
                answer = answer => answer.map_err(|_| EngineError::Stopping)?,
                () = self.until_unresponsive(run) => Err((0, EngineError::Busy)),
            };
            if let Err((which, error)) = answer {
                let sent = sent[which];
                let error = match error {
                    // It is planned anew: the next run of this key is sent them.
                    EngineError::SignalTooLate(_) if sent.may_come_with_another => {
                        return Err(StoreError::Unmet(Unmet::Ended(run)).into());
                    }
                    // Who does not know a run does not know whether it ever was.
                    EngineError::SignalTooLate(_) => {
                        self.too_late(run).unwrap_or_else(|error| error)
                    }
                    error => error,
                };
                return Err(in_batch(sent.at, error));
            }
        }
        Ok(())
    }

    /// Room for signals on their way, by the shards of their runs.
    fn places(
        &self,
        of_runs: &BTreeMap<RunId, Vec<&Sent<'_>>>,
    ) -> Result<BTreeMap<usize, Arc<Admitted>>, EngineError> {
        let mut shards = BTreeMap::new();
        for (run, sent) in of_runs {
            let size = sent.iter().map(|sent| sent.signal.size()).sum();
            if size > MAX_UNTAKEN_BYTES {
                let (what, limit) = ("what a batch sends to one run", MAX_UNTAKEN_BYTES);
                return Err(in_batch(sent[0].at, EngineError::TooLarge { what, size, limit }));
            }
            let shard = self.0.inboxes.shard_of(*run);
            let (_, _, bytes) = shards.entry(shard).or_insert((*run, sent[0].at, 0));
            *bytes += size;
        }
        let admit = |(shard, (run, at, bytes))| {
            let admitted = self.admit_to(run, bytes).map_err(|error| in_batch(at, error))?;
            Ok((shard, Arc::new(admitted)))
        };
        shards.into_iter().map(admit).collect()
    }

    /// Writes what was planned, unless it holds no more: [`StoreError::Unmet`].
    pub(super) async fn commit_batch(
        &self,
        batch: &NewBatch,
        plan: Plan<'_>,
        fingerprint: Fingerprint,
    ) -> Result<Batched, EngineError> {
        let (draft, starts, mut entered) = may_block(|| self.draft_of(batch, plan, fingerprint));
        self.submit_batch(draft).await?;
        entered.stay();
        self.0.outside.metrics().signals.inc_by(batch.signals().count() as u64);
        Ok(Batched { starts, created: true })
    }

    /// What is written for a batch, and what is answered once it is.
    fn draft_of<'a>(
        &self,
        batch: &NewBatch,
        plan: Plan<'a>,
        fingerprint: Fingerprint,
    ) -> (Draft<inbox::Batched>, Vec<BatchStarted>, Entered<'a>) {
        let Plan { starts: planned, signals, places, entered } = plan;
        let at = self.0.outside.now();
        let starts: Vec<_> = planned.iter().map(Planned::answer).collect();
        let mut draft = Draft::nothing();
        if let Some(key) = &batch.key {
            let runs = starts.iter().map(|start| start.run_id).collect();
            let record = BatchRecord { at, fingerprint: fingerprint.number(), runs };
            draft = draft.with_batch(key, &record);
        }
        let mut begun = Vec::new();
        for (planned, start) in planned.into_iter().zip(&batch.starts) {
            let Planned::New(new) = planned else { continue };
            let new = *new;
            draft = with_start(draft, &new, start);
            begun.push(new);
        }
        // A name that no other has, and that comes behind those before it.
        let name = self.name_run().to_bytes();
        let mut posted = Vec::new();
        for (number, sent) in (0..).zip(&signals) {
            let signal = Posted { run: sent.run, batch: name, number };
            draft = draft.with_posted(&signal, &sent.event(at));
            posted.push((signal, places.get(&self.0.inboxes.shard_of(sent.run)).cloned()));
        }
        (draft.giving(inbox::Batched { begun, posted }), starts, entered)
    }

    pub(super) async fn submit_batch(
        &self,
        draft: Draft<inbox::Batched>,
    ) -> Result<(), StoreError> {
        let outside = self.0.outside.clone();
        let (done, stored) = oneshot::channel();
        let then = move |written: Result<_, StoreError>| {
            let _gone = done.send(written.map(|batch| outside.batched(batch)));
        };
        may_block(|| self.0.committer.submit(draft, then));
        stored.await.map_err(|_| StoreError::Closed).flatten()
    }
}

impl Planned {
    fn answer(&self) -> BatchStarted {
        match self {
            Self::New(new) => {
                let Begun { run: run_id, record, .. } = &**new;
                BatchStarted { run_id: *run_id, status: status_of(&record.standing), created: true }
            }
            Self::Known(known) => known.clone(),
        }
    }
}

impl Sent<'_> {
    fn event(&self, at: Timestamp) -> HeldEvent {
        HeldEvent { at, event: Event::Signalled { signal: self.signal.clone().into_signal() } }
    }

    fn announced(&self) -> Announced {
        let NewSignal { name, key, .. } = self.signal;
        Announced { name: name.clone(), key: key.clone(), size: self.signal.size() }
    }
}

/// Adds a new run, which waits to begin, and the signals that come with its start behind that.
fn with_start(mut draft: Draft<()>, new: &Begun, start: &StartInBatch) -> Draft<()> {
    let StartInBatch { workflow, input, new: said } = start;
    let Begun { run, record, .. } = new;
    let First { key, signals, attributes } = first(said, said.signals.clone());
    draft = draft.with_new_run(*run, record, input.get().to_owned());
    draft = draft.with_attributes(*run, &attributes);
    draft = draft.with_key(workflow, key, *run);
    for (position, signal) in (1..).zip(signals) {
        let held = HeldEvent { at: record.started_at, event: Event::Signalled { signal } };
        draft = draft.with_held(*run, position, &held);
    }
    draft
}
