//! The handle of an engine: what all that is asked of it goes through.
//!
//! It knows where the shards are reached, what is admitted, and what is on disk. What can be asked is
//! in [`crate::engine::control`] and [`crate::engine::reads`]; how an engine comes to be and ends, in
//! [`crate::engine::life`].

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use segno_api::RunStatus;
use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::admission::{Admission, Admitted, Forgetting, Jobs, to_the_end};
use crate::engine::config::Config;
use crate::engine::error::EngineError;
use crate::engine::guests::Copies;
use crate::engine::inbox::{Inboxes, Message, Then};
use crate::engine::metrics::Door;
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::store::{Committer, Store};

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) committer: Committer,
    pub(super) modules: Arc<Modules>,
    pub(super) outside: Outside,
    pub(super) inboxes: Inboxes,
    pub(super) admission: Admission,
    pub(super) forgetting: Arc<Forgetting>,
    pub(super) jobs: Arc<Jobs>,
    /// Of runs that were asked lately.
    pub(super) copies: Copies,
    pub(super) deploy_lock: tokio::sync::Mutex<()>,
    pub(super) last_run: Mutex<Option<RunId>>,
    pub(super) stopping: AtomicBool,
    pub(super) threads: Mutex<Threads>,
}

/// The threads of the engine, until it is shut down. A simulated one has none.
#[derive(Default)]
pub(super) struct Threads {
    pub(super) shards: Option<ShardThreads>,
    pub(super) committer: Option<JoinHandle<()>>,
}

/// The threads of the shards.
pub(super) struct ShardThreads {
    pub(super) threads: Vec<JoinHandle<()>>,
    /// Nothing ever comes: it is closed when the last thread has ended.
    pub(super) ends: Receiver<Infallible>,
}

impl Engine {
    /// How the engine runs.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The names of the steps that this host has.
    #[must_use]
    pub fn step_names(&self) -> Vec<String> {
        self.0.outside.steps().names().map(str::to_owned).collect()
    }

    /// The steps that this host lacks and operations wait for, each with how many do.
    #[must_use]
    pub fn missing_steps(&self) -> Vec<(String, usize)> {
        self.0.outside.missing_steps()
    }

    /// Why the host takes no work, if it does not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let stopping =
            || self.0.stopping.load(Ordering::Acquire).then(|| EngineError::Stopping.to_string());
        self.0.committer.trouble().map(ToString::to_string).or_else(stopping)
    }

    /// Counts the answer of a door.
    pub(crate) fn count_answer(&self, door: Door, status: u16) {
        self.0.outside.metrics().answered(door, status);
    }

    /// Hands a shard a message, and waits until its word is on disk. Says how the run stands then.
    pub(super) async fn ask(
        &self,
        run: RunId,
        message: impl FnOnce(Then) -> Message,
    ) -> Result<RunStatus, EngineError> {
        let (asker, answer) = oneshot::channel();
        self.0.inboxes.send(run, message(Then::Tell(asker)));
        answer.await.map_err(|_| EngineError::Stopping)?
    }

    /// As [`Engine::ask`], and whoever asks keeps its place even if it goes: its message is still in
    /// the line.
    pub(super) async fn ask_for_sure(
        &self,
        admitted: Admitted,
        run: RunId,
        message: impl FnOnce(Then) -> Message + Send + 'static,
    ) -> Result<RunStatus, EngineError> {
        let engine = self.clone();
        to_the_end(async move {
            let _admitted = admitted;
            engine.ask(run, message).await
        })
        .await
    }

    /// Lets a request in that brings so many bytes and concerns no run, unless the host is in trouble or
    /// has too much to do.
    pub(super) fn admit(&self, bytes: usize) -> Result<Admitted, EngineError> {
        self.takes_work()?;
        self.0.admission.admit(bytes)
    }

    /// The same for a run.
    pub(super) fn admit_to(&self, run: RunId, bytes: usize) -> Result<Admitted, EngineError> {
        self.takes_work()?;
        self.0.admission.admit_to(self.0.inboxes.shard_of(run), bytes)
    }

    /// Whether the host takes work at all.
    pub(super) fn takes_work(&self) -> Result<(), EngineError> {
        if let Some(error) = self.0.committer.trouble() {
            return Err(error.clone().into());
        }
        if self.0.stopping.load(Ordering::Acquire) { Err(EngineError::Stopping) } else { Ok(()) }
    }
}
