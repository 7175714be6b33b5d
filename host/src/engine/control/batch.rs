//! Batches: several starts and signals that are all stored, or none of them.

use std::collections::BTreeSet;

use segno_api::{BATCHED, BatchStarted, Batched, IfRunning};
use segno_journal::RunId;
use serde_json::json;
use serde_json::value::RawValue;

use crate::engine::admission::to_the_end;
use crate::engine::control::fingerprint::Fingerprint;
use crate::engine::control::signal::{NewSignal, check_signal_name};
use crate::engine::control::start::{NewRun, Times};
use crate::engine::control::{TRIES, check_key};
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::may_block;
use crate::store::StoreError;

/// Starts and signals that are all stored, or none of them.
#[derive(Debug, Clone, Default)]
pub struct NewBatch {
    /// A batch with the same key is the same batch.
    pub key: Option<String>,
    /// The runs to start.
    pub starts: Vec<StartInBatch>,
    /// The signals to send, each to a run that has not ended.
    pub signals: Vec<(RunId, NewSignal)>,
}

/// A start in a batch.
#[derive(Debug, Clone)]
pub struct StartInBatch {
    /// The workflow.
    pub workflow: String,
    /// Its input.
    pub input: Box<RawValue>,
    /// What else is said of the run.
    pub new: NewRun,
}

impl Engine {
    /// Stores a batch: all of it, or nothing. Answers when it is on disk, before its runs have had a turn: one
    /// whose input its workflow refuses fails. A run that the key of a start has started before is not started
    /// again, and is sent the signals of the start. With the key of a batch that is stored nothing happens, and
    /// the answer is what came of that.
    ///
    /// # Errors
    ///
    /// Nothing of it was stored then. [`EngineError::InBatch`] says which part of it cannot be.
    pub async fn batch(&self, batch: NewBatch) -> Result<Batched, EngineError> {
        self.takes_work()?;
        let fingerprint = may_block(|| {
            self.check_batch(&batch)?;
            // Who has no key is not known again.
            Ok::<_, EngineError>(batch.key.is_some().then(|| batch.fingerprint()))
        })?;
        let engine = self.clone();
        // A caller who hangs up does not take the place of its parts in the line with it.
        to_the_end(async move { engine.store_batch(batch, fingerprint.unwrap_or_default()).await })
            .await
    }

    /// Refuses a batch that could never be stored.
    fn check_batch(&self, batch: &NewBatch) -> Result<(), EngineError> {
        check_key(batch.key.as_deref())?;
        let count = batch.signals().count() + batch.starts.len();
        if !(1..=BATCHED).contains(&count) {
            return Err(EngineError::BadBatch { count, limit: BATCHED });
        }
        let mut keys = BTreeSet::new();
        for (number, StartInBatch { workflow, input, new }) in batch.starts.iter().enumerate() {
            let checked = self.check_start(input, new);
            checked.map_err(|error| in_batch(("starts", number), error))?;
            if new.key.as_ref().is_some_and(|key| !keys.insert((workflow, key))) {
                return Err(in_batch(("starts", number), EngineError::SameKey));
            }
            if new.if_running == Some(IfRunning::Cancel) {
                return Err(in_batch(("starts", number), EngineError::CancelInBatch));
            }
        }
        for (number, (_run, NewSignal { name, key, .. })) in batch.signals.iter().enumerate() {
            let checked = check_signal_name(name).and(check_key(key.as_deref()));
            checked.map_err(|error| in_batch(("signals", number), error))?;
        }
        Ok(())
    }

    async fn store_batch(
        &self,
        batch: NewBatch,
        fingerprint: Fingerprint,
    ) -> Result<Batched, EngineError> {
        let _admitted = self.admit(0)?;
        for _ in 0..TRIES {
            if let Some(before) = may_block(|| self.stored_before(&batch, fingerprint))? {
                return Ok(before);
            }
            let mut plan = may_block(|| self.plan(&batch))?;
            let stored = match self.ask_for_room(&mut plan).await {
                Ok(()) => self.commit_batch(&batch, plan, fingerprint).await,
                Err(error) => Err(error),
            };
            match stored {
                Err(EngineError::Store(StoreError::Unmet(_))) => {}
                stored => return stored,
            }
        }
        Err(EngineError::Busy)
    }

    /// What came of the batch with this key, if one is stored.
    fn stored_before(
        &self,
        batch: &NewBatch,
        fingerprint: Fingerprint,
    ) -> Result<Option<Batched>, EngineError> {
        let Some(key) = &batch.key else { return Ok(None) };
        let Some(record) = self.0.store.batch(key)? else { return Ok(None) };
        if record.fingerprint != fingerprint.number() {
            return Err(EngineError::OtherBatch);
        }
        let starts = record.runs.into_iter().map(|run_id| match self.known_start(run_id) {
            Err(EngineError::UnknownRun(run)) => Err(EngineError::BatchForgotten(run)),
            known => known,
        });
        Ok(Some(Batched { starts: starts.collect::<Result<_, _>>()?, created: false }))
    }

    pub(super) fn known_start(&self, run_id: RunId) -> Result<BatchStarted, EngineError> {
        Ok(BatchStarted { run_id, status: self.status(run_id)?, created: false })
    }
}

impl NewBatch {
    /// All its signals, also those that are sent with starts.
    pub(super) fn signals(&self) -> impl Iterator<Item = &NewSignal> {
        let with_starts = self.starts.iter().flat_map(|start| &start.new.signals);
        with_starts.chain(self.signals.iter().map(|(_run, signal)| signal))
    }

    /// What it comes down to: the same for two that bring the same JSON values in the same order. It is kept on
    /// disk, so what stands here is never changed; what a batch has one day besides comes behind it, where it has
    /// it.
    fn fingerprint(&self) -> Fingerprint {
        let of = |text: &str| Fingerprint::of_any(text).number();
        let signal = |NewSignal { name, payload, key }: &NewSignal| json!([name, of(payload), key]);
        let start = |StartInBatch { workflow, input, new }: &StartInBatch| {
            let NewRun { key, if_running, by: _, signals, on_end, times, attributes } = new;
            let signals: Vec<_> = signals.iter().map(signal).collect();
            let mut start = vec![
                json!(workflow),
                json!(of(input.get())),
                json!(key),
                json!(signals),
                json!(on_end),
            ];
            if *times != Times::default() {
                let Times { start_at, start_after, timeout } = times;
                start.push(json!([start_at.map(|at| at.0), start_after, timeout]));
            }
            if !attributes.is_empty() {
                start.push(json!({ "attributes": attributes }));
            }
            if let Some(if_running) = if_running {
                start.push(json!({ "if_running": if_running }));
            }
            json!(start)
        };
        let starts = self.starts.iter().map(start);
        let signals = self.signals.iter().map(|(run, sent)| json!([run.to_string(), signal(sent)]));
        let parts: serde_json::Value = starts.chain(signals).collect();
        Fingerprint::of_any(&parts.to_string())
    }
}

/// What is wrong with a part of a batch: that of this number in this list.
pub(super) fn in_batch((list, number): (&str, usize), error: EngineError) -> EngineError {
    EngineError::InBatch { part: format!("{list}[{number}]"), error: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    fn batch(input: &str, payload: &str) -> NewBatch {
        let signal =
            |name: &str| NewSignal { name: name.into(), payload: payload.into(), key: None };
        let start = StartInBatch {
            workflow: "w".into(),
            input: RawValue::from_string(input.to_owned()).expect("it is JSON"),
            new: NewRun { signals: vec![signal("a")], ..NewRun::default() },
        };
        let signals = vec![(RunId::from_parts(Timestamp(1), 1), signal("b"))];
        NewBatch { key: None, starts: vec![start], signals }
    }

    #[test]
    fn a_batch_is_known_by_its_values_and_their_order() {
        let of = |input: &str, payload: &str| batch(input, payload).fingerprint();
        assert_eq!(of(r#"{"a": 1, "b": 2}"#, "[]"), of(r#"{"b":2,"a":1}"#, " [ ]"));
        assert_ne!(of("1", "[]"), of("2", "[]"));
        assert_ne!(of("1", "[]"), of("1", "[0]"));
        let mut other = batch("1", "[]");
        other.signals.push(other.signals[0].clone());
        assert_ne!(other.fingerprint(), of("1", "[]"));
        assert_eq!(batch("1", "[]").signals().count(), 2);
        assert_ne!(of("1", r#""\ud800""#), of("1", r#""\ud801""#), "also where it is no value");
    }

    /// A batch that was stored by the first release is known to all later ones.
    #[test]
    fn what_a_batch_comes_down_to_never_changes() {
        let mut batch = batch(r#"{"a":[1,-2,0.5,null,true],"b":"x"}"#, "{}");
        batch.starts[0].new.key = Some("k".into());
        batch.signals[0].1.key = Some("l".into());
        assert_eq!(batch.fingerprint().number(), 11_166_082_421_577_975_370);
    }
}
