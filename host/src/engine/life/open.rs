//! Opening an engine: the store, the sandbox, the threads, and the recovery of every run.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use segno::Steps;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::engine::clock::Clock;
use crate::engine::config::Config;
use crate::engine::handle::{Engine, ShardThreads, Threads};
use crate::engine::inbox::{Inboxes, Message};
use crate::engine::life::forget::forget;
use crate::engine::life::lookout::look_out;
use crate::engine::life::parts::{OpenError, Parts};
use crate::engine::life::{end_calls, jobs};
use crate::engine::metrics::Metrics;
use crate::engine::outside::{Outside, Waiters};
use crate::engine::random::Random;
use crate::engine::shard::Shard;
use crate::steps::{Bounds, Caller, Runner, Tasks, http_step};
use crate::store::{Committer, Store, StoreError};

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
        Self::open_on(store, config, steps, Clock::System).await
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
        Self::reopen_on(before, store.await?, config, steps, Clock::System).await
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
        let metrics = Arc::clone(before.0.outside.metrics());
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
            api_url: config.api_url.clone(),
        };
        let runner =
            Runner::Tasks(Tasks::new(all_steps(steps, &config)?, bounds, Handle::current()));
        let counting = Arc::clone(&metrics);
        let waiters = Waiters::new(config.max_waiting);
        let outside = Outside::new(clock.clone(), Random::System, runner, waiters, metrics);
        let (committer, committing) =
            Committer::start_counted(store.clone(), move |drafts, took| {
                counting.store.committed(drafts, took)
            })
            .map_err(OpenError::Thread)?;
        let parts = Parts::new(config, store, committer, outside)?;
        let (inboxes, shards) = start_shards(&parts).await?;
        let threads = Threads { shards: Some(shards), committer: Some(committing) };
        let firing = parts.outside.clone();
        tokio::spawn(
            parts.outside.timers().clone().run(clock.clone(), move |due| firing.fire(due)),
        );
        tokio::spawn(look_out(inboxes.clone(), clock));
        let engine = parts.into_engine(inboxes, threads);
        engine.call_at_ends();
        engine.forget_now_and_then();
        engine.work_on_jobs_that_go_on();
        Ok(engine)
    }

    /// Has jobs worked on: those that are on disk, and those that are made.
    fn work_on_jobs_that_go_on(&self) {
        let (engine, jobs) = (Arc::downgrade(&self.0), Arc::clone(&self.0.jobs));
        tokio::spawn(jobs::work(engine, jobs, self.0.outside.clock().clone()));
    }

    /// Has forgotten what is kept no longer.
    fn forget_now_and_then(&self) {
        let (engine, forgetting) = (Arc::downgrade(&self.0), Arc::clone(&self.0.forgetting));
        tokio::spawn(forget(engine, forgetting, self.0.outside.clock().clone()));
    }

    /// Has those called that are to hear of the ends of runs.
    fn call_at_ends(&self) {
        let config = self.config();
        let means = config.signing_key.clone().zip(config.http.clone().map(Caller::new));
        if let Some((means, ended)) = means.zip(self.0.outside.ends().hear()) {
            tokio::spawn(end_calls::call(self.clone(), means, ended));
        }
    }
}

/// Does what waits for the disk where it may, not on a thread of the async runtime.
async fn blocking<T: Send + 'static>(
    wait: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(wait).await.unwrap_or(Err(StoreError::Panicked))
}

/// The steps of a host, with those that every host has unless it does without or has its own.
pub(crate) fn all_steps(steps: Steps, config: &Config) -> Result<Steps, OpenError> {
    steps.check()?;
    let http = config.http.clone().map(http_step);
    let built_in = http.into_iter().chain([segno::local::step()]);
    Ok(built_in.fold(
        steps,
        |steps, step| {
            if steps.get(&step.name).is_some() { steps } else { steps.with(step) }
        },
    ))
}

/// Starts the shards, each on a thread of its own, and has the engine begin when all have recovered.
async fn start_shards(parts: &Parts) -> Result<(Inboxes, ShardThreads), OpenError> {
    let (inboxes, shards) = parts.shards();
    let mut threads = Vec::new();
    let mut recoveries = Vec::new();
    let (alive, ends) = channel();
    for (number, (shard, inbox)) in shards.into_iter().enumerate() {
        let (recovered, recovery) = oneshot::channel();
        let alive: Sender<Infallible> = alive.clone();
        let thread = std::thread::Builder::new().name(format!("segno-shard-{number}"));
        let thread = thread.spawn(move || {
            let _alive = alive;
            run_shard(shard, number, &inbox, recovered);
        });
        threads.push(thread.map_err(|error| {
            inboxes.stop();
            OpenError::Thread(error)
        })?);
        recoveries.push(async { recovery.await.unwrap_or(Err(StoreError::Closed)) });
    }
    parts.begin(&inboxes, recoveries).await?;
    Ok((inboxes, ShardThreads { threads, ends }))
}

/// The life of a shard's thread: it recovers its runs, says so, and serves.
fn run_shard(
    mut shard: Shard,
    number: usize,
    inbox: &Receiver<Message>,
    recovered: oneshot::Sender<Result<(), StoreError>>,
) {
    let _guard = shard.panic_guard();
    let ready = shard.recover(number);
    let is_ready = ready.is_ok();
    if recovered.send(ready).is_ok() && is_ready {
        shard.run(inbox);
    }
}
