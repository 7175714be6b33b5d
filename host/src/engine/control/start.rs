//! Starting runs: each with a name that leads to its shard, and once for each idempotency key.

use std::collections::BTreeSet;
use std::time::Duration;

use segno_api::{IfRunning, SIGNALS_AT_START, Started};
use segno_journal::{Attributes, MAX_UNTAKEN_BYTES, RunId, Timestamp};
use serde_json::value::RawValue;

use crate::engine::admission::to_the_end;
use crate::engine::clock::in_ms;
use crate::engine::control::attributes::check_attributes;
use crate::engine::control::check_key;
use crate::engine::control::fingerprint::Fingerprint;
use crate::engine::control::signal::{NewSignal, check_signal_name};
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, First, Message};
use crate::engine::reads::may_block;
use crate::steps::origin;
use crate::store::{RunRecord, Standing, StartKey, StoreError, Unmet};

/// How long a URL may be that is called at the end of a run, in bytes.
const MAX_URL: usize = 2_048;

/// What is said of a run that is started, besides its workflow and its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRun {
    /// A start with the same key, of the same workflow, is the same start.
    pub key: Option<String>,
    /// What comes of it where the run that the key has started has not ended. Where this is said, the key leads to
    /// one run at a time: where that has ended, another one is started.
    pub if_running: Option<IfRunning>,
    /// Who asks, if a run is cancelled for that.
    pub by: Asker,
    /// Signals that it is sent in the same moment.
    pub signals: Vec<NewSignal>,
    /// The URL that is called when it has ended. That of a run that the key has started before stays.
    pub on_end: Option<String>,
    /// When it begins, and how long it may take.
    pub times: Times,
    /// What it is found by. Those of a run that the key has started before stay.
    pub attributes: Attributes,
}

/// When a run begins, and how long it may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// When it begins; at once where that is over.
    pub start_at: Option<Timestamp>,
    /// How long after its start it begins, where no moment is given.
    pub start_after: Option<Duration>,
    /// How long it may take from its beginning. Then its workflow cleans up, and it has failed.
    pub timeout: Option<Duration>,
}

/// How many names a new run is given up while they lead to shards that do not answer: with half of the
/// shards held up, one start in thousands meets one of them.
const NAMES_TRIED: usize = 12;

impl Engine {
    /// Starts a run. Answers when its first turn is on disk. With an idempotency key that is known
    /// for this workflow, the answer is the run that it started, if the input is that run's.
    ///
    /// # Errors
    ///
    /// Nothing was started then, and nothing stored.
    pub async fn start(
        &self,
        workflow: &str,
        input: Box<RawValue>,
        key: Option<String>,
    ) -> Result<Started, EngineError> {
        self.start_with(workflow, input, NewRun { key, ..NewRun::default() }).await
    }

    /// As [`Engine::start`], and the run is sent signals and has a URL called at its end. Both are on disk with its
    /// first turn, or nothing is. A run that the key has started before is sent the signals one after the other.
    ///
    /// # Errors
    ///
    /// As [`Engine::start`]; and of a run that was there before, as [`Engine::signal`]: what came before the one
    /// that was refused is stored then.
    pub async fn start_with(
        &self,
        workflow: &str,
        input: Box<RawValue>,
        new: NewRun,
    ) -> Result<Started, EngineError> {
        let (bytes, fingerprint) = self.check_start(&input, &new)?;
        let engine = self.clone();
        if new.if_running.is_some() {
            // It keeps what it brings while it waits for the end of another one, also where its caller goes.
            let admitted = self.admit(bytes)?;
            let workflow = workflow.to_owned();
            return to_the_end(async move {
                let _admitted = admitted;
                engine.start_one_at_a_time(&workflow, (input, bytes), new).await
            })
            .await;
        }
        let run = self.name_run();
        let admitted = self.admit_to(run, bytes)?;
        let workflow = workflow.to_owned();
        // A caller who hangs up does not take its place in the line with it.
        to_the_end(async move {
            let _admitted = admitted;
            engine.start_once((run, &workflow), (input, fingerprint), new).await
        })
        .await
    }

    async fn start_once(
        &self,
        (run, workflow): (RunId, &str),
        (input, fingerprint): (Box<RawValue>, Fingerprint),
        new: NewRun,
    ) -> Result<Started, EngineError> {
        let Some(key) = &new.key else {
            return self.start_new(run, workflow, input, new).await;
        };
        if let Some(before) = may_block(|| self.0.store.started_by(workflow, key))? {
            return self.started_before(before, fingerprint, new.signals).await;
        }
        let signals = new.signals.clone();
        match self.start_new(run, workflow, input, new).await {
            // Somebody else was quicker by less than a commit.
            Err(EngineError::Store(StoreError::Unmet(Unmet::Started(before)))) => {
                self.started_before(before, fingerprint, signals).await
            }
            started => started,
        }
    }

    /// The run that a key has started before, if it has this input; it is sent the signals.
    async fn started_before(
        &self,
        run_id: RunId,
        input: Fingerprint,
        signals: Vec<NewSignal>,
    ) -> Result<Started, EngineError> {
        may_block(|| self.was_started_with(run_id, input))?;
        for signal in signals {
            let _reply = self.signal(run_id, signal, false).await?;
        }
        Ok(Started { run_id, status: self.status(run_id)?, created: false })
    }

    /// Refuses a start that cannot be made; gives how many bytes it brings, and what its input comes down to.
    pub(super) fn check_start(
        &self,
        input: &RawValue,
        new: &NewRun,
    ) -> Result<(usize, Fingerprint), EngineError> {
        let size = input.get().len();
        let limit = self.0.config.limits.payload;
        if size > limit {
            return Err(EngineError::TooLarge { what: "the input", size, limit });
        }
        let fingerprint = Fingerprint::of(input.get()).map_err(EngineError::UnreadableInput)?;
        check_signals(&new.signals)?;
        self.check_on_end(new.on_end.as_deref())?;
        check_key(new.key.as_deref())?;
        check_attributes(&new.attributes)?;
        if new.if_running.is_some() && new.key.is_none() {
            return Err(EngineError::NoKey);
        }
        let bytes = new.signals.iter().map(|signal| signal.payload.len()).sum::<usize>();
        let attributes = new.attributes.iter().map(|(name, value)| name.len() + value.size());
        Ok((size + bytes + attributes.sum::<usize>(), fingerprint))
    }

    /// That a run has this input. A run of which there is no first event any more, since its journal
    /// is damaged, is not held to it.
    pub(super) fn was_started_with(
        &self,
        run: RunId,
        input: Fingerprint,
    ) -> Result<(), EngineError> {
        // It has the input of another run, and does not begin with it.
        if self.0.store.run(run)?.is_some_and(|record| record.forked.is_some()) {
            return Err(EngineError::OtherInput(run));
        }
        let first = match self.input(run) {
            Err(EngineError::UnknownRun(_)) => return Ok(()),
            first => first?,
        };
        if Fingerprint::of_any(first.get()) == input {
            return Ok(());
        }
        Err(EngineError::OtherInput(run))
    }

    pub(super) async fn start_new(
        &self,
        run: RunId,
        workflow: &str,
        input: Box<RawValue>,
        new: NewRun,
    ) -> Result<Started, EngineError> {
        let record = self.new_record(workflow, &new)?;
        let first = Box::new(first(&new, new.signals.clone()));
        let input = <Box<str>>::from(input).into_string();
        let signals = first.signals.len() as u64;
        let status =
            self.ask(run, |then| Message::Start { run, record, input, first, then }).await?;
        self.0.outside.metrics().signals.inc_by(signals);
        Ok(Started { run_id: run, status, created: true })
    }

    /// The record of a new run, which counts as being on its module from now on.
    pub(super) fn new_record(
        &self,
        workflow: &str,
        NewRun { key, on_end, times, .. }: &NewRun,
    ) -> Result<RunRecord, EngineError> {
        let started_at = self.0.outside.now();
        let after = |after: Duration| started_at.plus_ms(in_ms(after));
        let begins_at = times.start_at.or(times.start_after.map(after));
        let begins_at = begins_at.filter(|at| *at > started_at);
        let begun_at = begins_at.unwrap_or(started_at);
        let ends_at = |timeout: Duration| begun_at.plus_ms(in_ms(timeout));
        let standing = if begins_at.is_some() { Standing::Pending } else { Standing::Running };
        let module = self.0.modules.enter_current(workflow)?;
        let seed = self.0.outside.random().seed();
        Ok(RunRecord {
            on_end: on_end.as_deref().map(Into::into),
            begins_at,
            times_out_at: times.timeout.map(ends_at),
            key: key.as_deref().map(Into::into),
            ..RunRecord::new(workflow.into(), module, started_at, seed, standing)
        })
    }

    /// Refuses a URL to call at the end of a run that cannot be called.
    fn check_on_end(&self, url: Option<&str>) -> Result<(), EngineError> {
        let Some(url) = url else { return Ok(()) };
        let config = &self.0.config;
        if config.http.is_none() || config.signing_key.is_none() {
            return Err(EngineError::CannotCall);
        }
        let can_be_called = url.len() <= MAX_URL && origin(url).is_some();
        if can_be_called { Ok(()) } else { Err(EngineError::BadUrl) }
    }

    /// A name for a new run, which leads to a shard that answers where there is one.
    pub(super) fn name_run(&self) -> RunId {
        let now = self.0.outside.now();
        let mut last = self.0.last_run.lock();
        let mut run = self.0.outside.random().run_id(now, *last);
        // With the next name the next shard is tried, or one by chance.
        for _ in 0..NAMES_TRIED {
            if !self.is_unresponsive(run) {
                break;
            }
            run = self.0.outside.random().run_id(now, Some(run));
        }
        *last = Some(run);
        run
    }
}

/// Refuses signals that cannot be sent with a start.
fn check_signals(signals: &[NewSignal]) -> Result<(), EngineError> {
    let bytes = signals.iter().map(NewSignal::size).sum::<usize>();
    if signals.len() > SIGNALS_AT_START {
        return Err(EngineError::InboxFull);
    }
    if bytes > MAX_UNTAKEN_BYTES {
        let (what, limit) = ("what is sent with a start", MAX_UNTAKEN_BYTES);
        return Err(EngineError::TooLarge { what, size: bytes, limit });
    }
    for NewSignal { name, payload: _, key } in signals {
        check_signal_name(name)?;
        check_key(key.as_deref())?;
    }
    Ok(())
}

/// What belongs to the first commit of a run. Of two signals with one key the first comes.
pub(super) fn first(new: &NewRun, signals: Vec<NewSignal>) -> First {
    let mut keys = BTreeSet::new();
    let signals = signals
        .into_iter()
        .filter(|signal| signal.key.as_ref().is_none_or(|key| keys.insert(key.clone())));
    let key = new.key.clone().map(|key| match new.if_running {
        None => StartKey::Once(key),
        Some(_) => StartKey::OneAtATime(key),
    });
    let attributes = new.attributes.clone();
    First { key, signals: signals.map(NewSignal::into_signal).collect(), attributes }
}
