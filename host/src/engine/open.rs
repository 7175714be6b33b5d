//! Opening an engine: the store, the sandbox, the threads, and the recovery of every run.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use segno::Steps;
use segno::native::DuplicateStep;
use segno_journal::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::engine::admission::Admission;
use crate::engine::callers::Callers;
use crate::engine::chance::Chance;
use crate::engine::clock::Clock;
use crate::engine::comeback::Comeback;
use crate::engine::config::Config;
use crate::engine::inbox::{Inboxes, Message};
use crate::engine::line::Line;
use crate::engine::metrics::Metrics;
use crate::engine::modules::Modules;
use crate::engine::open_bytes::OpenBudget;
use crate::engine::outside::Outside;
use crate::engine::pressure::Pressure;
use crate::engine::room::Held;
use crate::engine::shard::Shard;
use crate::engine::starts::KEY_LOCKS;
use crate::engine::survey::Surveys;
use crate::engine::unresponsive::look_out;
use crate::engine::warm::Warm;
use crate::engine::watch::Watch;
use crate::engine::watched::Watched;
use crate::engine::{Engine, ShardThreads, Shared, Threads};
use crate::sandbox::{Capacity, Sandbox};
use crate::steps::{Bounds, Runner, Tasks, http_step};
use crate::store::{Committer, Draft, Store, StoreError, private};

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sandbox cannot be made.
    #[error("the sandbox cannot be made: {0}")]
    Sandbox(String),
    /// Two steps have one name.
    #[error(transparent)]
    Steps(#[from] DuplicateStep),
    /// The system has no thread for the host.
    #[error("the system has no thread for the host: {0}")]
    Thread(std::io::Error),
}

impl Engine {
    /// Opens the data directory, recovers every run that has not ended, and goes on with it. Steps
    /// run on the current tokio runtime. The steps of the host are those given and the built-in
    /// `http`, unless one of those given has its name or the configuration leaves it out.
    ///
    /// # Errors
    ///
    /// Nothing runs then.
    pub async fn open(config: Config, steps: Steps) -> Result<Self, OpenError> {
        let data = config.data.clone();
        let cache = config.store_cache;
        let store = blocking(move || Store::open_cached(&data, cache)).await?;
        Self::open_on(store.with_quick_restart(config.quick_restart), config, steps, Clock::System)
            .await
    }

    /// Opens a data directory again whose disk took nothing more, once it takes again what is written.
    /// What the host counts goes on from what the engine before counted.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`]; or the disk takes nothing yet.
    pub async fn reopen(before: &Self, config: Config, steps: Steps) -> Result<Self, OpenError> {
        let data = config.data.clone();
        let cache = config.store_cache;
        let store = blocking(move || {
            Store::probe(&data)?;
            Store::reopen(&data, cache)
        });
        let store = store.await?.with_quick_restart(config.quick_restart);
        Self::reopen_on(before, store, config, steps, Clock::System).await
    }

    /// As [`Engine::reopen`], on a store that is open already and with any clock.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`].
    pub async fn reopen_on(
        before: &Self,
        store: Store,
        config: Config,
        steps: Steps,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let metrics = Arc::clone(&before.0.outside.metrics);
        metrics.begin_again();
        let config = Config { host_survived: true, ..config };
        Self::open_counting(store, config, steps, clock, metrics).await
    }

    /// As [`Engine::open`], on a store that is open already and with any clock.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`].
    pub async fn open_on(
        store: Store,
        config: Config,
        steps: Steps,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        Self::open_counting(store, config, steps, clock, Arc::new(Metrics::new())).await
    }

    async fn open_counting(
        store: Store,
        config: Config,
        steps: Steps,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        let bounds = Bounds {
            max_running: config.max_running_steps,
            payload: config.limits.payload,
            max_timeout: config.max_step_timeout,
            max_retries: config.max_step_retries,
        };
        let runner =
            Runner::Tasks(Tasks::new(all_steps(steps, &config)?, bounds, Handle::current()));
        let counting = Arc::clone(&metrics);
        let callers = Callers::new(config.max_waiting);
        let outside = Outside::new(clock.clone(), Chance::System, runner, callers, metrics);
        let (committer, committing) =
            Committer::start_counted(store.clone(), move |drafts, took| {
                counting.store.committed(drafts, took)
            })
            .map_err(OpenError::Thread)?;
        let parts = Parts::new(config, store, committer, outside)?;
        let (inboxes, shards) = parts.start_shards().await?;
        let threads = Threads { shards: Some(shards), committer: Some(committing) };
        let firing = parts.outside.clone();
        tokio::spawn(parts.outside.timers.clone().run(clock.clone(), move |due| firing.fire(due)));
        tokio::spawn(look_out(inboxes.clone(), clock));
        Ok(parts.into_engine(inboxes, threads))
    }
}

/// Does what waits for the disk where it may, not on a thread of the async runtime.
async fn blocking<T: Send + 'static>(
    wait: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(wait).await.unwrap_or(Err(StoreError::Panicked))
}

/// The steps of a host, with the one that every host has unless it does without or has its own.
pub(crate) fn all_steps(steps: Steps, config: &Config) -> Result<Steps, OpenError> {
    steps.check()?;
    Ok(match &config.http {
        Some(egress) if steps.get(segno::http::STEP).is_none() => {
            steps.with(http_step(egress.clone()))
        }
        _ => steps,
    })
}

/// What the shards share.
pub(crate) struct Parts {
    config: Arc<Config>,
    store: Store,
    committer: Committer,
    modules: Arc<Modules>,
    /// How many guests each shard may keep.
    places: usize,
    outside: Outside,
    opened_at: Timestamp,
}

impl Parts {
    /// The parts of an engine, before its shards.
    pub(crate) fn new(
        mut config: Config,
        store: Store,
        committer: Committer,
        outside: Outside,
    ) -> Result<Self, OpenError> {
        config.shards = config.shards.max(1);
        let cache = std::path::absolute(&config.cache)
            .map_err(|error| OpenError::Sandbox(error.to_string()))?;
        let capacity = Capacity { guests: most_guests(&config), memory: config.limits.memory };
        // Compiled code is loaded from it and run.
        private::directory(&cache).map_err(|error| OpenError::Sandbox(error.to_string()))?;
        let sandbox = Sandbox::new(Some(&cache), capacity)
            .map_err(|error| OpenError::Sandbox(format!("{error:#}")))?;
        let sandbox = match config.compiler.clone() {
            Some(program) => sandbox.compiled_by(program, &cache, capacity),
            None => sandbox,
        };
        let places = places_of_a_shard(sandbox.places(), config.shards);
        let modules = Arc::new(Modules::open(
            sandbox,
            store.clone(),
            committer.clone(),
            outside.runner.steps().clone(),
        )?);
        let opened_at = outside.now();
        Ok(Self { config: Arc::new(config), store, committer, modules, places, outside, opened_at })
    }

    /// Where the shards are reached, and each shard with where it hears what it is told. They have no
    /// runs yet.
    pub(crate) fn shards(&self) -> (Inboxes, Vec<(Shard, Receiver<Message>)>) {
        let open_budget = OpenBudget::new(self.config.open_budget);
        let seats = (0..self.config.shards).map(|_| {
            let (sender, receiver) = channel();
            let watch = Arc::new(Watch::new(self.outside.clock.clone()));
            ((sender, Arc::clone(&watch)), (self.shard(watch, &open_budget), receiver))
        });
        let (senders, shards): (Vec<_>, Vec<_>) = seats.unzip();
        let inboxes = Inboxes::new(senders);
        self.outside.connect(inboxes.clone());
        (inboxes, shards)
    }

    /// Starts the shards, and waits until each has recovered its runs.
    async fn start_shards(&self) -> Result<(Inboxes, ShardThreads), OpenError> {
        let (inboxes, shards) = self.shards();
        let mut threads = Vec::new();
        let mut recoveries = Vec::new();
        let (alive, ends) = channel();
        for (number, (shard, inbox)) in shards.into_iter().enumerate() {
            let (recovered, recovery) = oneshot::channel();
            let alive = alive.clone();
            let thread = std::thread::Builder::new().name(format!("segno-shard-{number}")).spawn(
                move || {
                    let _alive: Sender<Infallible> = alive;
                    run_shard(shard, number, &inbox, recovered);
                },
            );
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    inboxes.stop();
                    return Err(OpenError::Thread(error));
                }
            }
            recoveries.push(recovery);
        }
        for recovery in recoveries {
            if let Err(error) = recovery.await.map_err(|_| StoreError::Closed).flatten() {
                inboxes.stop();
                return Err(error.into());
            }
        }
        self.say_who_is_not_left_out();
        self.forget_unneeded_modules();
        let comeback = self.comeback()?;
        if let Err(error) = self.say_running().await.map_err(|_| StoreError::Closed).flatten() {
            inboxes.stop();
            return Err(error.into());
        }
        inboxes.go_on(comeback);
        Ok((inboxes, ShardThreads { threads, ends }))
    }

    /// A run that was to be left out and is not there was perhaps written wrongly: the one that was meant
    /// goes on.
    fn say_who_is_not_left_out(&self) {
        for run in &self.config.park {
            if matches!(self.store.run(*run), Ok(None)) {
                tracing::warn!(%run, "there is no such run to leave out; does --park name the one that is meant?");
            }
        }
    }

    /// How the host went down, before it says that it runs again.
    pub(crate) fn comeback(&self) -> Result<Comeback, StoreError> {
        let has_crashed = self.store.stopped_at()?.is_none() && !self.config.host_survived;
        Ok(Comeback::new(has_crashed, self.opened_at, self.config.shards))
    }

    /// Forgets the modules that no recovered run needs.
    pub(crate) fn forget_unneeded_modules(&self) {
        self.modules.forget_unneeded();
    }

    /// Writes that the host runs. The runs are set going when that is on disk: an attempt that begins
    /// now must not be taken for one that an orderly stop held back.
    pub(crate) fn say_running(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (done, written) = oneshot::channel();
        self.committer.submit(Draft::running(), |said| {
            let _gone = done.send(said.map(drop));
        });
        written
    }

    fn shard(&self, watch: Arc<Watch>, open_budget: &OpenBudget) -> Shard {
        let pressure = Pressure::on(&self.config, &self.outside.clock);
        Shard {
            watch,
            is_shut_out: false,
            line: Line::new(self.outside.clock.clone()),
            open_budget: open_budget.clone(),
            store: self.store.clone(),
            committer: self.committer.clone().deferred(),
            modules: Arc::clone(&self.modules),
            outside: self.outside.clone(),
            config: Arc::clone(&self.config),
            runs: BTreeMap::new(),
            held: Held::default(),
            unreadable: BTreeMap::new(),
            warm: Warm::new(
                self.config.memory_budget / self.config.shards,
                self.places,
                &pressure,
                self.outside.metrics.guests.live.clone(),
            ),
            pressure,
            watched: Watched::default(),
        }
    }

    pub(crate) fn into_engine(self, inboxes: Inboxes, threads: Threads) -> Engine {
        let Self { config, store, committer, modules, outside, .. } = self;
        let surveys = Surveys::new(config.shards);
        let shards = config.shards;
        Engine(Arc::new(Shared {
            config,
            store,
            committer,
            modules,
            outside,
            inboxes,
            admission: Admission::new(shards),
            surveys,
            key_locks: (0..KEY_LOCKS).map(|_| tokio::sync::Mutex::new(())).collect(),
            deploy_lock: tokio::sync::Mutex::new(()),
            last_run: Mutex::new(None),
            stopping: std::sync::atomic::AtomicBool::new(false),
            threads: Mutex::new(threads),
        }))
    }
}

/// How many guests a shard has at work besides those that it keeps: what it is about to keep, to let go,
/// or to compare.
const AT_WORK: usize = 4;

/// How many guests there are that belong to no run: what is asked of a module itself.
const OF_NO_RUN: usize = 4;

/// How many guests may be live at once.
fn most_guests(config: &Config) -> usize {
    Warm::most(config.memory_budget) + AT_WORK * config.shards + OF_NO_RUN
}

/// How many guests a shard may keep, so that there is always room for those at work.
fn places_of_a_shard(places: usize, shards: usize) -> usize {
    (places.saturating_sub(OF_NO_RUN) / shards).saturating_sub(AT_WORK).max(1)
}

/// The life of a shard's thread: it recovers its runs, says so, and serves.
fn run_shard(
    mut shard: Shard,
    number: usize,
    inbox: &Receiver<Message>,
    recovered: oneshot::Sender<Result<(), StoreError>>,
) {
    let _guard = shard.committer.panic_guard();
    let ready = shard.recover(number);
    let is_ready = ready.is_ok();
    if recovered.send(ready).is_ok() && is_ready {
        shard.run(inbox);
    }
}
