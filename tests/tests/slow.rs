//! A disk that does not answer holds up who asked it something, and nobody else.

use std::io::Result;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use segno_host::engine::{Clock, Config, Engine};
use segno_host::store::{StorageBackend, Store};
use segno_tests::faulty::Disk;
use segno_tests::{basics, cache, raw, token};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Builder;

/// How long the tests wait for what would otherwise never come. Nothing is expected to take so long.
const NEVER: Duration = Duration::from_secs(60);

/// A disk whose reads can be made to wait.
#[derive(Debug)]
struct Slow {
    disk: Disk,
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
        self.changed.notify_all();
        let mut state =
            self.changed.wait_while(state, |state| state.is_closed).expect("nobody panicked");
        state.waiting -= 1;
    }

    /// Waits until somebody waits for it.
    fn is_met(&self) {
        let state = self.state.lock().expect("nobody panicked");
        let met = self.changed.wait_timeout_while(state, NEVER, |state| state.waiting == 0);
        assert!(!met.expect("nobody panicked").1.timed_out(), "nothing was read from the disk");
    }
}

impl StorageBackend for Slow {
    fn len(&self) -> Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.barrier.pass();
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.disk.write(offset, data)
    }
}

async fn engine_on(disk: &Disk, barrier: &Arc<Barrier>, directory: &TempDir) -> Engine {
    let storage = Slow { disk: disk.clone(), barrier: Arc::clone(barrier) };
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = cache();
    // Nothing is kept in memory: what is looked up is read from the disk.
    let store = Store::open_on_cached(storage, 0).expect("the store opens");
    let engine = Engine::open_on(store, config, guest_basics::steps(), Clock::System).await;
    engine.expect("the engine opens")
}

/// The one thread for tasks of a host is free while a task of it waits for the disk.
#[test]
fn while_a_webhook_is_looked_up_on_a_slow_disk_other_tasks_go_on() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("there are threads");
    let disk = Disk::default();
    let barrier = Arc::<Barrier>::default();
    let directory = TempDir::new().expect("a temporary directory");
    let token = runtime.block_on(async {
        let engine = engine_on(&disk, &barrier, &directory).await;
        engine.deploy(basics()).await.expect("the module is good");
        let started = engine.start("hook", raw(&json!(1)), None).await.expect("it starts");
        let token = token(&engine, started.run_id).await;
        engine.shutdown().await;
        token
    });

    // Another host, which has nothing of the webhook in memory.
    let engine = runtime.block_on(engine_on(&disk, &barrier, &directory));
    barrier.set_closed(true);
    let looking = engine.clone();
    let found = runtime.spawn(async move { looking.find_webhook(&token).await });
    barrier.is_met();
    let other = runtime.spawn(async { "went on" });
    let other = runtime.block_on(async { tokio::time::timeout(NEVER, other).await });
    barrier.set_closed(false);
    let other = other.expect("a task that does not read waits for none that does");
    assert_eq!(other.expect("it does not panic"), "went on");
    let found = runtime.block_on(found).expect("it does not panic");
    found.expect("there is such a webhook");
    runtime.block_on(engine.shutdown());
}
