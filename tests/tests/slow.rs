//! A disk that does not answer holds up who asked it something, and nobody else.

use std::io::Result;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use segno_host::engine::{Clock, Config, Engine, EngineError};
use segno_host::store::{Storage, StorageBackend, Store};
use segno_tests::faulty::{Disk, DiskFile};
use segno_tests::{basics, cache, raw, token};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// How long the tests wait for what would otherwise never come. Nothing is expected to take so long.
const NEVER: Duration = Duration::from_secs(60);

/// A file whose reads can be made to wait.
#[derive(Debug)]
struct Slow {
    file: DiskFile,
    barrier: Arc<Barrier>,
}

#[derive(Debug, Default)]
struct Barrier {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    waiting: usize,
    /// The most that ever waited.
    most: usize,
}

impl Barrier {
    fn set_closed(&self, is_closed: bool) {
        self.state.lock().expect("nobody panicked").is_closed = is_closed;
        self.changed.notify_all();
    }

    /// Waits until it is open.
    fn pass(&self) {
        let mut state = self.state.lock().expect("nobody panicked");
        state.waiting += 1;
        state.most = state.most.max(state.waiting);
        self.changed.notify_all();
        let mut state =
            self.changed.wait_while(state, |state| state.is_closed).expect("nobody panicked");
        state.waiting -= 1;
    }

    /// Waits until so many wait for it.
    fn is_met_by(&self, waiting: usize) {
        let state = self.state.lock().expect("nobody panicked");
        let met = self.changed.wait_timeout_while(state, NEVER, |state| state.waiting < waiting);
        assert!(!met.expect("nobody panicked").1.timed_out(), "the disk was not read");
    }
}

impl StorageBackend for Slow {
    fn len(&self) -> Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.barrier.pass();
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.file.write(offset, data)
    }
}

async fn engine_on(disk: &Disk, barrier: &Arc<Barrier>, directory: &TempDir) -> Engine {
    let slow = |number| Slow { file: disk.file(number), barrier: Arc::clone(barrier) };
    let storage = Storage { pages: Box::new(slow(0)), ..disk.clone().into() };
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = cache();
    // Nothing is kept in memory: what is looked up is read from the disk.
    let store = Store::open_on_cached(storage, 0).expect("the store opens");
    let engine = Engine::open_on(store, config, guest_basics::steps(), Clock::System).await;
    engine.expect("the engine opens")
}

/// A host whose disk is read for all that is looked up, and whose tasks have one thread.
struct Host {
    runtime: Runtime,
    disk: Disk,
    barrier: Arc<Barrier>,
    directory: TempDir,
}

impl Host {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            runtime: runtime.expect("there are threads"),
            disk: Disk::default(),
            barrier: Arc::default(),
            directory: TempDir::new().expect("a temporary directory"),
        }
    }

    fn open(&self) -> Engine {
        self.runtime.block_on(engine_on(&self.disk, &self.barrier, &self.directory))
    }

    /// Has a run made that waits for the calls of a webhook: its token.
    fn webhook(&self, engine: &Engine) -> String {
        self.runtime.block_on(async {
            engine.deploy(basics()).await.expect("the module is good");
            let started = engine.start("hook", raw(&json!(1)), None).await.expect("it starts");
            token(engine, started.run_id).await
        })
    }

    /// What a future gives that waits for no disk.
    fn at_once<T>(&self, future: impl Future<Output = T>) -> T {
        let given = self.runtime.block_on(async { tokio::time::timeout(NEVER, future).await });
        given.expect("who does not read waits for none that does")
    }
}

/// The one thread for tasks of a host is free while a task of it waits for the disk.
#[test]
fn while_a_webhook_is_looked_up_on_a_slow_disk_other_tasks_go_on() {
    let host = Host::new();
    let engine = host.open();
    let token = host.webhook(&engine);
    host.runtime.block_on(engine.shutdown());
    drop(engine);

    // Another engine, which has nothing of the webhook in memory.
    let engine = host.open();
    host.barrier.set_closed(true);
    let looking = engine.clone();
    let found = host.runtime.spawn(async move { looking.find_webhook(&token).await });
    host.barrier.is_met_by(1);
    let other = host.runtime.spawn(async { "went on" });
    let other = host.at_once(other);
    host.barrier.set_closed(false);
    assert_eq!(other.expect("it does not panic"), "went on");
    let found = host.runtime.block_on(found).expect("it does not panic");
    found.expect("there is such a webhook");
    host.runtime.block_on(engine.shutdown());
}

#[test]
fn a_webhook_that_was_made_lately_is_found_without_the_disk() {
    let host = Host::new();
    let engine = host.open();
    let token = host.webhook(&engine);
    host.barrier.set_closed(true);
    let found = host.at_once(engine.find_webhook(&token));
    host.barrier.set_closed(false);
    found.expect("there is such a webhook");
    host.runtime.block_on(engine.shutdown());
}

#[test]
fn a_crowd_that_guesses_tokens_on_a_slow_disk_takes_a_few_threads() {
    const CROWD: usize = 100;
    // Eight look-ups, and the two tasks of the host that look by themselves, once it is open, for jobs and for what
    // is kept no longer.
    const FEW: usize = 8 + 2;
    let host = Host::new();
    let engine = host.open();
    host.webhook(&engine);
    host.runtime.block_on(engine.shutdown());
    drop(engine);

    // Another engine, where all that is there lies in the file.
    let engine = host.open();
    host.barrier.set_closed(true);
    let came = Arc::new(Semaphore::new(0));
    let guesses: Vec<_> = (0..CROWD)
        .map(|number| {
            let (engine, came) = (engine.clone(), Arc::clone(&came));
            host.runtime.spawn(async move {
                came.add_permits(1);
                engine.find_webhook(&format!("guess-{number}")).await
            })
        })
        .collect();
    host.barrier.is_met_by(1);
    host.at_once(came.acquire_many(CROWD.try_into().expect("it is small")))
        .expect("it is open")
        .forget();
    host.barrier.set_closed(false);
    for guess in guesses {
        let guess = host.runtime.block_on(guess).expect("it does not panic");
        assert!(matches!(guess, Err(EngineError::UnknownWebhook)), "{guess:?}");
    }
    assert!(host.barrier.state.lock().expect("nobody panicked").most <= FEW);
    host.runtime.block_on(engine.shutdown());
}
