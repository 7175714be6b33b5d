//! What an engine is put together of, and the order in which it begins.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};

use parking_lot::Mutex;
use segno::native::DuplicateStep;
use segno_journal::Timestamp;
use tokio::sync::oneshot;

use crate::engine::admission::{Admission, QUERIES_AT_ONCE};
use crate::engine::config::Config;
use crate::engine::guests::Copies;
use crate::engine::guests::{Guests, Pressure, Warm};
use crate::engine::handle::{Engine, Shared, Threads};
use crate::engine::inbox::{Gate, Inboxes, Message, Recovery};
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::engine::shard::{OpenBudget, Shard, ShardParts};
use crate::sandbox::{Capacity, Sandbox};
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

/// What the shards share.
pub(crate) struct Parts {
    config: Arc<Config>,
    store: Store,
    committer: Committer,
    modules: Arc<Modules>,
    /// How many guests each shard may keep.
    places: usize,
    pub(super) outside: Outside,
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
            outside.steps().clone(),
        )?);
        let opened_at = outside.now();
        let config = Arc::new(config);
        Ok(Self { config, store, committer, modules, places, outside, opened_at })
    }

    /// Where the shards are reached, and each shard with where it hears what it is told. They have no
    /// runs yet.
    pub(crate) fn shards(&self) -> (Inboxes, Vec<(Shard, Receiver<Message>)>) {
        let open_budget = OpenBudget::new(self.config.open_budget);
        let seats = (0..self.config.shards).map(|_| {
            let (sender, receiver) = channel();
            let gate = Arc::new(Gate::new(self.outside.clock().clone()));
            let shard = self.shard(Arc::clone(&gate), open_budget.clone());
            ((sender, gate), (shard, receiver))
        });
        let (senders, shards): (Vec<_>, Vec<_>) = seats.unzip();
        let inboxes = Inboxes::new(senders);
        self.outside.connect(inboxes.clone());
        (inboxes, shards)
    }

    fn shard(&self, gate: Arc<Gate>, open_budget: OpenBudget) -> Shard {
        let pressure = Pressure::on(&self.config, self.outside.clock());
        let guests = Guests::new(
            self.store.clone(),
            Arc::clone(&self.modules),
            Arc::clone(&self.config),
            Arc::clone(self.outside.metrics()),
            (pressure, self.places),
        );
        Shard::new(ShardParts {
            store: self.store.clone(),
            committer: self.committer.clone(),
            modules: Arc::clone(&self.modules),
            outside: self.outside.clone(),
            config: Arc::clone(&self.config),
            guests,
            gate,
            open_budget,
        })
    }

    /// The order in which an engine begins, whoever moves its shards. Each has taken in its runs before
    /// modules are forgotten that no run needs; that the host runs is on disk before anything is set
    /// going, because an attempt that begins now must not be taken for one that an orderly stop held
    /// back. `recovered` says of each shard how it has recovered.
    ///
    /// # Errors
    ///
    /// Nothing was set going, and the shards were told to stop.
    pub(crate) async fn begin<R>(
        &self,
        inboxes: &Inboxes,
        recovered: impl IntoIterator<Item = R>,
    ) -> Result<(), StoreError>
    where
        R: Future<Output = Result<(), StoreError>>,
    {
        let begun = self.begin_unless_it_fails(inboxes, recovered).await;
        begun.inspect_err(|_| inboxes.stop())
    }

    async fn begin_unless_it_fails<R>(
        &self,
        inboxes: &Inboxes,
        recovered: impl IntoIterator<Item = R>,
    ) -> Result<(), StoreError>
    where
        R: Future<Output = Result<(), StoreError>>,
    {
        for recovered in recovered {
            recovered.await?;
        }
        self.say_who_is_not_left_out();
        self.modules.forget_unneeded();
        self.committer.submit(self.store.stale_tokens()?, |_freed| {});
        self.committer.submit(self.store.stale_family_rows()?, |_freed| {});
        let posted = self.store.all_posted()?;
        self.outside.heed_pause(|| Ok(self.store.host_pause()?.is_some()))?;
        // Before it says that it runs again: then it would be known no more.
        let recovery = self.recovery()?;
        self.say_running().await?;
        inboxes.go_on(recovery);
        self.outside.bring_again(posted);
        Ok(())
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

    /// How the host went down.
    fn recovery(&self) -> Result<Recovery, StoreError> {
        let has_crashed = self.store.stopped_at()?.is_none() && !self.config.host_survived;
        Ok(Recovery::new(has_crashed, self.opened_at, self.config.shards))
    }

    /// Writes that the host runs.
    async fn say_running(&self) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        self.committer.submit(Draft::running(), |said| {
            let _gone = done.send(said.map(drop));
        });
        written.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The engine, with these threads.
    pub(crate) fn into_engine(self, inboxes: Inboxes, threads: Threads) -> Engine {
        let Self { config, store, committer, modules, outside, .. } = self;
        Engine(Arc::new(Shared {
            admission: Admission::new(config.shards),
            config,
            store,
            committer,
            modules,
            outside,
            inboxes,
            copies: Copies::default(),
            forgetting: Arc::default(),
            jobs: Arc::default(),
            deploy_lock: tokio::sync::Mutex::new(()),
            last_run: Mutex::new(None),
            stopping: AtomicBool::new(false),
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
    Warm::most(config.memory_budget) + AT_WORK * config.shards + OF_NO_RUN + QUERIES_AT_ONCE
}

/// How many guests a shard may keep, so that there is always room for those at work.
fn places_of_a_shard(places: usize, shards: usize) -> usize {
    (places.saturating_sub(OF_NO_RUN + QUERIES_AT_ONCE) / shards).saturating_sub(AT_WORK).max(1)
}
