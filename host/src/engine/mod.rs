//! The engine: which runs there are, which shard owns each, and what the doors may ask of them.
//!
//! [`Engine`] is the handle that the doors call. It finds what an answer needs, hands a message to
//! the shard that owns the run, and waits until the shard's word is on disk. The sentence that all
//! of this serves stands in the shard: an event comes in, the guest runs until it is stuck, commands
//! come out, the turn is committed, and only then does the world hear of it.

mod admission;
mod backup;
mod bounds;
mod callers;
mod cancelled;
mod chance;
mod clock;
mod comeback;
mod config;
mod current;
mod deploy;
mod error;
mod fingerprint;
mod guests;
mod health;
mod history;
mod hold;
mod images;
mod inbox;
mod line;
mod lists;
mod live;
mod log;
mod metrics;
mod missing;
mod modules;
mod notes;
pub mod offline;
mod open;
mod open_bytes;
mod outside;
mod pages;
mod parking;
mod past;
mod policy;
mod pressure;
mod queries;
mod recovery;
mod reply;
mod restore;
mod retrying;
mod revival;
mod room;
mod shard;
mod simulated;
mod starts;
mod stop;
mod stuck;
mod survey;
mod timers;
mod to_the_end;
mod unresponsive;
mod waits;
mod warm;
mod watch;
mod watched;
mod why;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use segno_journal::{Digest, Request, RunId};
use tokio::sync::oneshot;

pub use crate::engine::backup::BackupStopped;
pub use crate::engine::callers::{Answered, Place};
pub use crate::engine::chance::{Chance, WEBHOOK_PATH};
pub use crate::engine::clock::{Clock, VirtualClock};
pub use crate::engine::config::{Config, Limits};
pub use crate::engine::current::Current;
pub use crate::engine::deploy::MissingSteps;
pub use crate::engine::error::EngineError;
pub use crate::engine::images::ImageTurns;
pub use crate::engine::notes::Asker;
pub use crate::engine::open::OpenError;
pub use crate::engine::policy::{BadPolicy, Policy, Rule};
pub use crate::engine::reply::Reply;
pub use crate::engine::simulated::{Asked, Simulated};
pub use crate::sandbox::{COMPILE, compile_alone, with_schemas};
pub use crate::steps::{Allowed, Egress};
pub use segno_api::{
    BlockedView, Deployed, HealthProblem, HealthReport, HistoryEntry, HistoryEvent, HistoryPage,
    Json, ModuleView, ProblemKind, RunFilter, RunPage, RunStatus, RunSummary, RunView, Started,
    Trouble, Wait, Why, WorkflowView,
};

pub use crate::engine::watch::Busy;

pub(crate) use crate::engine::metrics::Door;
pub(crate) use crate::engine::to_the_end::to_the_end;

use crate::engine::admission::{Admission, Admitted};
use crate::engine::inbox::{Inboxes, Message};
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::engine::reply::Then;
use crate::engine::survey::Surveys;
use crate::store::{Committer, Store};

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    config: Arc<Config>,
    store: Store,
    committer: Committer,
    modules: Arc<Modules>,
    outside: Outside,
    inboxes: Inboxes,
    admission: Admission,
    surveys: Surveys,
    key_locks: Box<[tokio::sync::Mutex<()>]>,
    deploy_lock: tokio::sync::Mutex<()>,
    last_run: Mutex<Option<RunId>>,
    stopping: AtomicBool,
    threads: Mutex<Threads>,
}

/// The threads of the engine, until it is shut down. A simulated one has none.
#[derive(Default)]
struct Threads {
    shards: Option<ShardThreads>,
    committer: Option<JoinHandle<()>>,
}

/// The threads of the shards.
struct ShardThreads {
    threads: Vec<JoinHandle<()>>,
    /// Nothing ever comes: it is closed when the last thread has ended.
    ends: Receiver<Infallible>,
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
        self.0.outside.runner.steps().names().map(str::to_owned).collect()
    }

    /// The steps that this host lacks and operations wait for, each with how many do.
    #[must_use]
    pub fn missing_steps(&self) -> Vec<(String, usize)> {
        self.0.outside.missing.steps()
    }

    /// As [`Engine::cancel_by`], for somebody whose name is not known.
    ///
    /// # Errors
    ///
    /// As [`Engine::cancel_by`].
    pub async fn cancel(&self, run: RunId) -> Result<RunView, EngineError> {
        self.cancel_by(run, Asker::unknown()).await
    }

    /// Cancels a run: nothing new starts, its steps are told to stop, its webhooks are closed. Its
    /// history says who asked. Cancelling a run that is cancelled changes nothing.
    ///
    /// # Errors
    ///
    /// The run is not known, or has ended in another way.
    pub async fn cancel_by(&self, run: RunId, by: Asker) -> Result<RunView, EngineError> {
        match self.status(run)? {
            RunStatus::Cancelled => return self.run(run).await,
            RunStatus::Completed | RunStatus::Failed => return Err(EngineError::AlreadyEnded(run)),
            RunStatus::Running | RunStatus::Blocked => {}
        }
        let asker = by.clone();
        let asked = async {
            let admitted = self.admit_to(run, 0)?;
            self.ask_for_sure(admitted, run, move |then| Message::Cancel { run, by: asker, then })
                .await
        };
        match self.or_without_shard(run, by, asked).await {
            // It ended in this moment; perhaps somebody else cancelled it.
            Err(EngineError::AlreadyEnded(_)) if self.status(run)? == RunStatus::Cancelled => {}
            answer => answer?,
        }
        self.run(run).await
    }

    /// As [`Engine::resume_by`], for somebody whose name is not known.
    ///
    /// # Errors
    ///
    /// As [`Engine::resume_by`].
    pub async fn resume(&self, run: RunId, module: Option<String>) -> Result<RunView, EngineError> {
        self.resume_by(run, module, Asker::unknown()).await
    }

    /// Lets a parked run go on, on its own module or on another one. On another one it goes on only
    /// if that gives the same commands for all that is recorded; where it does not, the run stays
    /// parked, with the difference as its reason. Its history says who asked.
    ///
    /// # Errors
    ///
    /// The run is not known or not parked, or there is no such module.
    pub async fn resume_by(
        &self,
        run: RunId,
        module: Option<String>,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        let admitted = self.admit_to(run, 0)?;
        let module = match module {
            None => None,
            Some(text) => {
                let unknown = |_| EngineError::UnknownModule(text.chars().take(80).collect());
                Some(text.parse::<Digest>().map_err(unknown)?)
            }
        };
        if self.status(run)? != RunStatus::Blocked {
            return Err(EngineError::NotBlocked(run));
        }
        self.ask_for_sure(admitted, run, move |then| Message::Resume { run, module, by, then })
            .await?;
        self.run(run).await
    }

    /// Whether there is, or was, a webhook with this token. Cheap: to be asked before the body of a
    /// call is read.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn knows_webhook(&self, token: &str) -> Result<bool, EngineError> {
        Ok(self.0.store.webhook(token)?.is_some())
    }

    /// Delivers a call of a webhook. Answers when it is on disk. The engine numbers the request.
    ///
    /// # Errors
    ///
    /// The call was not stored then.
    pub async fn call_webhook(&self, token: &str, request: Request) -> Result<Reply, EngineError> {
        self.takes_work()?;
        let webhook = self.0.store.webhook(token)?.ok_or(EngineError::UnknownWebhook)?;
        let run = webhook.run();
        let op = webhook.op;
        let admitted = self.admit_to(run, request.size())?;
        let (caller, answer) = oneshot::channel();
        self.0.inboxes.send(run, Message::Request { run, op, request, caller });
        // A caller who hangs up keeps its place: its request is still in the line.
        let answered = to_the_end(async move {
            let _admitted = admitted;
            answer.await
        });
        let reply = answered.await.map_err(|_| EngineError::Stopping)?;
        if reply.is_ok() {
            self.0.outside.metrics.webhooks_called.inc();
        }
        reply
    }

    /// What the host has counted since it was started, in the text format that Prometheus reads.
    #[must_use]
    pub fn metrics(&self) -> String {
        let outside = &self.0.outside;
        outside
            .metrics
            .steps_running
            .set(i64::try_from(outside.runner.running()).unwrap_or(i64::MAX));
        let (file, cache) = self.0.store.sizes();
        outside.metrics.store.bytes.set(i64::try_from(file).unwrap_or(i64::MAX));
        outside.metrics.store.cache_bytes.set(i64::try_from(cache).unwrap_or(i64::MAX));
        outside
            .metrics
            .steps_waiting
            .set(i64::try_from(outside.runner.waiting()).unwrap_or(i64::MAX));
        outside.metrics.timer_overdue.set(self.overdue().as_secs_f64());
        for (shard, watch) in self.0.inboxes.watches().enumerate() {
            outside.metrics.shard_stands(
                shard,
                watch.busy_for().unwrap_or_default(),
                watch.waiting(),
            );
        }
        outside.metrics.show()
    }

    /// How late the earliest timer is.
    fn overdue(&self) -> Duration {
        let outside = &self.0.outside;
        let next = self.0.outside.timers.next();
        Duration::from_millis(next.map_or(0, |next| outside.now().since_ms(next)))
    }

    /// Counts the answer of a door.
    pub(crate) fn count_answer(&self, door: Door, status: u16) {
        self.0.outside.metrics.answered(door, status);
    }

    /// Why the host takes no work, if it does not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let stopping =
            || self.0.stopping.load(Ordering::Acquire).then(|| EngineError::Stopping.to_string());
        self.0.committer.trouble().map(ToString::to_string).or_else(stopping)
    }

    /// Hands a shard a message, and waits until its word is on disk.
    async fn ask(
        &self,
        run: RunId,
        message: impl FnOnce(Then) -> Message,
    ) -> Result<(), EngineError> {
        let (asker, answer) = oneshot::channel();
        self.0.inboxes.send(run, message(Then::Tell(asker)));
        answer.await.map_err(|_| EngineError::Stopping)?
    }

    /// As [`Engine::ask`], and whoever asks keeps its place even if it goes: its message is still in
    /// the line.
    async fn ask_for_sure(
        &self,
        admitted: Admitted,
        run: RunId,
        message: impl FnOnce(Then) -> Message + Send + 'static,
    ) -> Result<(), EngineError> {
        let engine = self.clone();
        to_the_end(async move {
            let _admitted = admitted;
            engine.ask(run, message).await
        })
        .await
    }
}
