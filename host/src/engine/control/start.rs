//! Starting runs: each with a name that leads to its shard, and once for each idempotency key.

use segno_api::Started;
use segno_journal::RunId;
use serde_json::value::RawValue;

use crate::engine::admission::to_the_end;
use crate::engine::control::check_key;
use crate::engine::control::fingerprint::Fingerprint;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Message;
use crate::engine::reads::may_block;
use crate::store::{RunRecord, Standing};

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
        let size = input.get().len();
        let limit = self.0.config.limits.payload;
        if size > limit {
            return Err(EngineError::TooLarge { what: "the input", size, limit });
        }
        Fingerprint::of(input.get()).map_err(EngineError::UnreadableInput)?;
        let run = self.name_run();
        let engine = self.clone();
        let admitted = self.admit_to(run, size)?;
        check_key(key.as_deref())?;
        let workflow = workflow.to_owned();
        // A caller who hangs up takes neither the key's lock nor its place in the line with it.
        to_the_end(async move {
            let _admitted = admitted;
            engine.start_once(run, &workflow, (input, key)).await
        })
        .await
    }

    async fn start_once(
        &self,
        run: RunId,
        workflow: &str,
        (input, key): (Box<RawValue>, Option<String>),
    ) -> Result<Started, EngineError> {
        let Some(key) = key else { return self.start_new(run, workflow, (input, None)).await };
        let alone = self.0.key_locks.lock(&key).await;
        let Some(run_id) = may_block(|| self.0.store.started_by(workflow, &key))? else {
            return self.start_new(run, workflow, (input, Some(key))).await;
        };
        drop(alone);
        may_block(|| self.was_started_with(run_id, &input))?;
        Ok(Started { run_id, status: self.status(run_id)?, created: false })
    }

    /// That a run has this input. A run of which there is no first event any more, since its journal
    /// is damaged, is not held to it.
    fn was_started_with(&self, run: RunId, input: &RawValue) -> Result<(), EngineError> {
        let first = match self.input(run) {
            Err(EngineError::UnknownRun(_)) => return Ok(()),
            first => first?,
        };
        let is_same =
            || Some(Fingerprint::of(first.get()).ok()? == Fingerprint::of(input.get()).ok()?);
        if first.get() == input.get() || is_same().unwrap_or(false) {
            return Ok(());
        }
        Err(EngineError::OtherInput(run))
    }

    async fn start_new(
        &self,
        run: RunId,
        workflow: &str,
        (input, key): (Box<RawValue>, Option<String>),
    ) -> Result<Started, EngineError> {
        let module = self.0.modules.enter_current(workflow)?;
        let started_at = self.0.outside.now();
        let workflow = workflow.into();
        let seed = self.0.outside.random().seed();
        let standing = Standing::Running;
        let record = RunRecord { workflow, module, started_at, seed, standing, parent: None };
        let input = <Box<str>>::from(input).into_string();
        let status = self.ask(run, |then| Message::Start { run, record, input, key, then }).await?;
        Ok(Started { run_id: run, status, created: true })
    }

    /// A name for a new run, which leads to a shard that answers where there is one.
    fn name_run(&self) -> RunId {
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
