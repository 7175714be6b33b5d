//! An engine on one thread, which does only what it is told.
//!
//! It is the engine itself: its shards, its store, its recovery. What differs is who moves them. In a
//! [`Simulated`] engine no thread runs, no clock ticks and no step is made. Somebody else chooses what
//! happens next among all that can, and so what happened can be made to happen again. Dropping one is
//! a crash: opening another on what its disk kept is the recovery.

mod asks;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use futures::join;
use segno::Steps;
use segno_journal::{RunId, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::engine::clock::{Clock, VirtualClock};
use crate::engine::config::Config;
use crate::engine::error::EngineError;
use crate::engine::handle::{Engine, Threads};
use crate::engine::inbox::Message;
use crate::engine::life::asked::{Asked, Streamed};
use crate::engine::life::open::all_steps;
use crate::engine::life::parts::{OpenError, Parts};
use crate::engine::metrics::Metrics;
use crate::engine::outside::Outside;
use crate::engine::outside::Waiters;
use crate::engine::random::Random;
use crate::engine::shard::Shard;
use crate::steps::{Outcome, Piece, Runner, SimulatedSteps, StepAttempt};
use crate::store::{Committer, SimulatedQueue, Store, StoreError};

/// An engine on one thread, which does only what it is told.
pub struct Simulated {
    engine: Engine,
    shards: Vec<Seat>,
    queue: SimulatedQueue,
    attempts: SimulatedSteps,
    clock: VirtualClock,
    /// For the calls under way. It has neither a clock nor a network.
    runtime: Runtime,
    /// How often calls were polled.
    polls: Arc<AtomicUsize>,
    stopped_at: Option<Timestamp>,
}

/// A shard, and where it hears what it is told.
struct Seat {
    shard: Shard,
    inbox: Receiver<Message>,
}

impl Simulated {
    /// Opens an engine on a store, and takes in its runs. What they wait for is set going by the first
    /// message that each shard handles. Of the steps, only the policies count: none is called.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`].
    pub fn open(
        store: Store,
        config: Config,
        steps: Steps,
        clock: VirtualClock,
        random: Random,
    ) -> Result<Self, OpenError> {
        let attempts = SimulatedSteps::new(all_steps(steps, &config)?, config.max_running_steps);
        let runner = Runner::Simulated(attempts.clone());
        let waiters = Waiters::new(config.max_waiting);
        let metrics = Arc::new(Metrics::new());
        let outside = Outside::new(Clock::Virtual(clock.clone()), random, runner, waiters, metrics);
        let (committer, queue) = Committer::simulated(store.clone());
        let parts = Parts::new(config, store.clone(), committer, outside)?;
        let (inboxes, made) = parts.shards();
        let mut shards: Vec<_> =
            made.into_iter().map(|(shard, inbox)| Seat { shard, inbox }).collect();
        let recovered = shards
            .iter_mut()
            .enumerate()
            .map(|(number, seat)| std::future::ready(seat.shard.recover(number)));
        let runtime = Builder::new_current_thread().build().map_err(OpenError::Thread)?;
        let begin = parts.begin(&inboxes, recovered);
        // What is handed in is written once nothing goes on without it.
        let (begun, ()) = runtime.block_on(async { join!(begin, async { queue.flush() }) });
        begun?;
        let engine = parts.into_engine(inboxes, Threads::default());
        let mut simulated = Self {
            engine,
            shards,
            queue,
            attempts,
            clock,
            runtime,
            polls: Arc::default(),
            stopped_at: None,
        };
        simulated.settle();
        Ok(simulated)
    }

    /// Why the host takes no work, if it does not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.engine.trouble()
    }

    /// How many messages each shard was told and has not heard yet.
    #[must_use]
    pub fn told(&self) -> Vec<usize> {
        self.shards.iter().map(|seat| seat.shard.told()).collect()
    }

    /// A shard handles its next message, if there is one.
    pub fn handle(&mut self, shard: usize) {
        self.shards[shard].shard.handle_next();
        self.settle();
    }

    /// How many drafts wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// How many drafts are written, and the world has not heard of them.
    #[must_use]
    pub fn written(&self) -> usize {
        self.queue.written()
    }

    /// The committer writes the first so many drafts, in one transaction.
    pub fn write(&mut self, drafts: usize) {
        self.queue.write(drafts);
        self.settle();
    }

    /// The committer lets the first draft that is written go on: the world hears of it.
    pub fn let_go(&mut self) {
        self.queue.let_go();
        self.settle();
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Clock::Virtual(self.clock.clone()).now()
    }

    /// When the earliest timer is due, if one is armed.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        if self.stopped_at.is_some() { None } else { self.engine.0.outside.timers().next() }
    }

    /// The clock moves on to a moment, and what is due then happens. It never goes back.
    pub fn wait_until(&mut self, moment: Timestamp) {
        self.clock.advance(std::time::Duration::from_millis(moment.since_ms(self.now())));
        if self.stopped_at.is_none() {
            let outside = &self.engine.0.outside;
            while outside.timers().next().is_some_and(|next| next <= outside.now()) {
                outside
                    .timers()
                    .take_due(outside.now())
                    .into_iter()
                    .for_each(|due| outside.fire(due));
            }
        }
        self.settle();
    }

    /// The attempts under way, oldest first.
    #[must_use]
    pub fn attempts(&self) -> Vec<StepAttempt> {
        self.attempts.in_flight()
    }

    /// The attempt at this place of the list ends so.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn end(&mut self, attempt: usize, outcome: Outcome) {
        self.attempts.end(attempt, outcome);
        self.settle();
    }

    /// The attempt at this place of the list writes to the streams of its run. It is answered when that is on
    /// disk, with the streams that took nothing; never, where it is not written.
    ///
    /// # Panics
    ///
    /// There is no such attempt.
    pub fn write_stream(&mut self, attempt: usize, pieces: Vec<Piece>) -> Streamed {
        let (told, hear) = oneshot::channel();
        self.attempts.write(attempt, pieces, move |refused| {
            let _nobody = told.send(refused);
        });
        Streamed(hear)
    }

    /// Lets the live guest of a run go, as where there is no room: it is made again when its next
    /// event comes.
    pub fn evict(&mut self, run: RunId) {
        self.shards.iter_mut().for_each(|seat| seat.shard.evict(run));
    }

    /// Begins an orderly stop: from now on nothing is let in, no timer fires and no attempt begins.
    /// Those under way may end, or turn out not to have begun.
    pub fn begin_stop(&mut self) {
        self.stopped_at = self.engine.begin_stop().or(self.stopped_at);
        self.attempts.hold_back();
        self.settle();
    }

    /// Ends an orderly stop: the shards handle what they were told, all is written, and so is that the
    /// host stopped. An attempt that is still under way is cut off.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn end_stop(mut self) -> Result<(), StoreError> {
        self.begin_stop();
        let stopped_at = self.stopped_at.unwrap_or_else(|| self.now());
        self.engine.let_go();
        self.settle();
        while let Some(shard) = self.shards.iter().position(|seat| seat.shard.told() > 0) {
            self.handle(shard);
        }
        self.engine.write_stopped(stopped_at)
    }

    /// Puts a call under way. It gets as far as it can without anybody else.
    fn ask<T: Send + 'static>(
        &mut self,
        call: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Asked<T> {
        let (asker, answer) = oneshot::channel();
        let polls = Arc::clone(&self.polls);
        let mut call = Box::pin(call);
        let counted = std::future::poll_fn(move |context| {
            polls.fetch_add(1, Ordering::Relaxed);
            call.as_mut().poll(context)
        });
        self.runtime.spawn(async move {
            // Who asked may have stopped listening.
            let _gone = asker.send(counted.await);
        });
        self.settle();
        Asked(answer)
    }

    /// Lets the calls under way go as far as they can, and sees what the shards were told.
    fn settle(&mut self) {
        self.runtime.block_on(async {
            // Each round polls every call that something has woken. After one in which none was polled,
            // all of them wait for what only happens when somebody chooses it.
            loop {
                let before = self.polls.load(Ordering::Relaxed);
                tokio::task::yield_now().await;
                if self.polls.load(Ordering::Relaxed) == before {
                    return;
                }
            }
        });
        for seat in &mut self.shards {
            seat.shard.hear(&seat.inbox);
        }
    }
}
