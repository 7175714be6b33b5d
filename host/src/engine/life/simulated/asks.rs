//! What is asked of a simulated host.

use bytes::Bytes;
use segno_api::{
    Batched, Deployed, HookView, HostPauseView, JobMade, JobView, RunFilter, RunView, Started,
};
use segno_journal::{JobId, Request, RunId};
use serde_json::value::RawValue;

use crate::engine::control::{
    MissingSteps, NewBatch, NewFork, NewJob, NewRun, NewSignal, Swept, Without,
};
use crate::engine::error::EngineError;
use crate::engine::inbox::{Asker, CancelHow, Reply};
use crate::engine::life::asked::Asked;
use crate::engine::life::simulated::Simulated;
use crate::store::StoreError;

impl Simulated {
    /// Asks for a deploy. The module is examined here and now.
    ///
    /// # Errors
    ///
    /// What is wrong with the module.
    pub fn deploy(&mut self, wasm: Bytes) -> Result<Asked<Deployed>, EngineError> {
        let (module, manifest) = self.engine.0.modules.examine(&wasm)?;
        let engine = self.engine.clone();
        Ok(self.ask(async move {
            let _alone = engine.0.deploy_lock.lock().await;
            engine.deploy_examined((module, manifest), wasm, MissingSteps::Refused).await
        }))
    }

    /// Asks for a run, as [`Engine::start`](crate::engine::Engine::start).
    pub fn start(
        &mut self,
        workflow: &str,
        input: Box<RawValue>,
        key: Option<String>,
    ) -> Asked<Started> {
        self.start_with(workflow, input, NewRun { key, ..NewRun::default() })
    }

    /// Asks for a run, as [`Engine::start_with`](crate::engine::Engine::start_with).
    pub fn start_with(
        &mut self,
        workflow: &str,
        input: Box<RawValue>,
        new: NewRun,
    ) -> Asked<Started> {
        let engine = self.engine.clone();
        let workflow = workflow.to_owned();
        self.ask(async move { engine.start_with(&workflow, input, new).await })
    }

    /// Asks for a batch, as [`Engine::batch`](crate::engine::Engine::batch).
    pub fn batch(&mut self, batch: NewBatch) -> Asked<Batched> {
        let engine = self.engine.clone();
        self.ask(async move { engine.batch(batch).await })
    }

    /// Calls a webhook, as [`Engine::call_webhook`](crate::engine::Engine::call_webhook).
    pub fn call_webhook(&mut self, token: &str, request: Request) -> Asked<Reply> {
        let engine = self.engine.clone();
        let token = token.to_owned();
        self.ask(async move { engine.call_webhook(&token, request).await })
    }

    /// Sends a signal, as [`Engine::signal`](crate::engine::Engine::signal).
    pub fn signal(&mut self, run: RunId, signal: NewSignal, waits: bool) -> Asked<Reply> {
        let engine = self.engine.clone();
        self.ask(async move { engine.signal(run, signal, waits).await })
    }

    /// Ends the sleeps of a run early, as [`Engine::wake_by`](crate::engine::Engine::wake_by).
    pub fn wake(&mut self, run: RunId) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.wake_by(run, None, Asker::unknown()).await })
    }

    /// Calls a hook, as [`Engine::resume_hook`](crate::engine::Engine::resume_hook).
    pub fn resume_hook(&mut self, token: &str, payload: String) -> Asked<HookView> {
        let engine = self.engine.clone();
        let token = token.to_owned();
        self.ask(async move { engine.resume_hook(&token, payload).await })
    }

    /// Asks for the end of a run, as [`Engine::cancel_by`](crate::engine::Engine::cancel_by).
    pub fn cancel(&mut self, run: RunId, how: CancelHow) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.cancel_by(run, how, Asker::unknown()).await })
    }

    /// Ends a run behind the back of its shard, as [`Engine::cancel`](crate::engine::Engine::cancel) does where that
    /// does not answer. It is on its way to the disk then.
    ///
    /// # Errors
    ///
    /// As [`Engine::cancel`](crate::engine::Engine::cancel).
    pub fn end_without_shard(&mut self, run: RunId) -> Result<Asked<()>, EngineError> {
        let written = self.engine.end_without_shard(run, CancelHow::KILL, Asker::unknown())?;
        Ok(self.ask(async move {
            let Without::Ends(written) = written else { return Err(EngineError::Busy) };
            Ok(written.await.map_err(|_| StoreError::Closed).flatten()?)
        }))
    }

    /// Asks that a run is deleted, as [`Engine::delete_by`](crate::engine::Engine::delete_by).
    pub fn delete(&mut self, run: RunId) -> Asked<()> {
        let engine = self.engine.clone();
        self.ask(async move { engine.delete_by(run, Asker::unknown()).await })
    }

    /// Forgets what is to be forgotten, as [`Engine::sweep`](crate::engine::Engine::sweep).
    pub fn sweep(&mut self) -> Asked<Swept> {
        let engine = self.engine.clone();
        self.ask(async move { engine.sweep().await })
    }

    /// Asks that a run is held up, as [`Engine::pause_by`](crate::engine::Engine::pause_by).
    pub fn pause(&mut self, run: RunId) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.pause_by(run, Asker::unknown()).await })
    }

    /// Asks that a blocked or paused run goes on, as [`Engine::resume`](crate::engine::Engine::resume).
    pub fn resume(&mut self, run: RunId, module: Option<String>) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.resume(run, module).await })
    }

    /// Asks that a failed run is tried again, as [`Engine::retry_by`](crate::engine::Engine::retry_by).
    pub fn retry(&mut self, run: RunId) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.retry_by(run, None, None, Asker::unknown()).await })
    }

    /// Asks that a run is forked, as [`Engine::fork`](crate::engine::Engine::fork).
    pub fn fork(&mut self, run: RunId, new: NewFork) -> Asked<Started> {
        let engine = self.engine.clone();
        self.ask(async move { engine.fork(run, new).await })
    }

    /// Asks that a run is moved, as [`Engine::move_by`](crate::engine::Engine::move_by).
    pub fn move_to(&mut self, run: RunId, module: String) -> Asked<RunView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.move_by(run, &module, Asker::unknown()).await })
    }

    /// Asks that the host is paused, as [`Engine::pause_host`](crate::engine::Engine::pause_host); or that it goes on.
    pub fn pause_host(&mut self, is_paused: bool) -> Asked<HostPauseView> {
        let engine = self.engine.clone();
        self.ask(async move {
            match is_paused {
                true => engine.pause_host(Asker::unknown()).await,
                false => engine.resume_host(Asker::unknown()).await,
            }
        })
    }

    /// Asks for a job, as [`Engine::make_job`](crate::engine::Engine::make_job).
    pub fn make_job(&mut self, asked: NewJob, filter: RunFilter) -> Asked<JobMade> {
        let engine = self.engine.clone();
        self.ask(async move { engine.make_job(asked, filter, Asker::unknown()).await })
    }

    /// Asks that a job is stopped, as [`Engine::stop_job`](crate::engine::Engine::stop_job).
    pub fn stop_job(&mut self, job: JobId) -> Asked<JobView> {
        let engine = self.engine.clone();
        self.ask(async move { engine.stop_job(job, Asker::unknown()).await })
    }

    /// Takes each job a page further, as [`Engine::work_on_jobs`](crate::engine::Engine::work_on_jobs).
    pub fn work_on_jobs(&mut self) -> Asked<bool> {
        let engine = self.engine.clone();
        self.ask(async move { engine.work_on_jobs().await })
    }
}
