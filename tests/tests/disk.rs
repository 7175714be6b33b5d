//! What a host does when its disk fails: it goes on by itself where nothing was lost, and stays down
//! where something may have been.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use segno_host::engine::{Clock, Config, Engine, EngineError, Supervisor};
use segno_host::store::{Store, StoreError};
use segno_journal::RunId;
use segno_tests::faulty::Disk;
use segno_tests::{basics, patiently, raw};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A host on a disk that can be made to fail, with somebody who looks after it.
struct Host {
    disk: Disk,
    current: Supervisor,
    keeper: JoinHandle<()>,
    _cache: TempDir,
}

impl Host {
    async fn new() -> Self {
        let host = Self::on(Disk::default()).await;
        host.current.engine().deploy(basics()).await.expect("the module is good");
        host
    }

    async fn on(disk: Disk) -> Self {
        let store = Store::open_on(disk.clone()).expect("the store opens");
        Self::with(disk, store).await
    }

    async fn with(disk: Disk, store: Store) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let config = config(directory.path());
        let engine =
            Engine::open_on(store, config.clone(), guest_basics::steps(), Clock::System).await;
        let current = Supervisor::new(engine.expect("the engine opens"));
        let open = {
            let disk = disk.clone();
            async move |before: &Engine| {
                let store = Store::open_on(disk.clone())?;
                Engine::reopen_on(
                    before,
                    store,
                    config.clone(),
                    guest_basics::steps(),
                    Clock::System,
                )
                .await
            }
        };
        let keeper = tokio::spawn(current.clone().look_after(open));
        Self { disk, current, keeper, _cache: directory }
    }

    async fn start(&self, input: u64) -> Result<RunId, EngineError> {
        Ok(self.current.engine().start("echo", raw(&json!(input)), None).await?.run_id)
    }

    /// Starts a run as soon as the host takes one.
    async fn start_patiently(&self, input: u64) -> RunId {
        patiently(async {
            loop {
                match self.start(input).await {
                    Ok(run) => return run,
                    Err(_not_yet) => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// Waits until the keeper has given up, and says why the host takes no work.
    async fn stays_down(&mut self) -> String {
        patiently(&mut self.keeper).await.expect("the keeper comes to its end");
        assert!(self.start(0).await.is_err(), "it takes no work");
        self.current.engine().trouble().expect("the host says so")
    }
}

fn config(directory: &Path) -> Config {
    let mut config = Config::new(directory, "http://segno.test");
    config.cache = segno_tests::cache();
    config
}

/// How many turns the host has counted.
fn turns(engine: &Engine) -> u64 {
    let metrics = engine.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix("segno_turns_total "));
    line.and_then(|turns| turns.parse().ok()).expect("turns are counted")
}

#[tokio::test]
async fn a_host_goes_on_by_itself_when_there_is_room_again() {
    let host = Host::new().await;
    let run =
        host.current.engine().start("hook", raw(&json!(1)), None).await.expect("it starts").run_id;
    let token = segno_tests::token(&host.current.engine(), run).await;

    let before = turns(&host.current.engine());
    host.disk.set_full(true);
    let refused = host.start(2).await.expect_err("nothing fits");
    assert!(matches!(refused, EngineError::Store(_)), "{refused}");
    let trouble = host.current.engine().trouble().expect("the host says so");
    assert!(trouble.contains("goes on by itself"), "{trouble}");
    host.disk.set_full(false);

    let started = host.start_patiently(3).await;
    let engine = host.current.engine();
    assert_eq!(segno_tests::output_of(&engine, started).await, json!(3));
    assert!(turns(&engine) > before, "what is counted goes on");
    assert!(engine.metrics().contains("segno_runs_unfinished 1\n"), "it is what this engine has");
    engine
        .call_webhook(&token, segno_tests::post("still here"))
        .await
        .expect("the run still waits");
    assert_eq!(segno_tests::output_of(&engine, run).await, json!(["still here"]));
    host.keeper.abort();
}

#[tokio::test]
async fn after_a_sync_that_failed_the_host_stays_down_whatever_the_reason() {
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        let mut host = Host::new().await;
        host.disk.fail_syncs(kind);
        host.start(1).await.expect_err("it is not on disk");
        let trouble = host.stays_down().await;
        assert!(trouble.contains("what the disk has kept is not known"), "{trouble}");
        assert!(trouble.contains("restart the host"), "{trouble}");
    }
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_takes_the_host_down_once_and_not_again_and_again() {
    let first = Host::new().await;
    let large = "x".repeat(100_000);
    let engine = first.current.engine();
    let run = engine.start("echo", raw(&json!(large)), None).await.expect("it starts").run_id;
    segno_tests::output_of(&engine, run).await;
    engine.shutdown().await;
    let Host { disk, current, keeper, .. } = first;
    keeper.abort();
    // It holds the store, which is closed before the disk is opened again.
    keeper.await.expect_err("it was told to end");
    drop((engine, current));

    // Nothing of it is kept in memory.
    let store = Store::open_on_cached(disk.clone(), 0).expect("the store opens");
    let mut host = Host::with(disk, store).await;
    host.disk.fail_reads();
    let error = host.current.engine().run(run).await.expect_err("it cannot be read");
    assert!(matches!(error, EngineError::Store(StoreError::Io { .. })), "{error}");
    let trouble = host.stays_down().await;
    assert!(trouble.contains("reading from the disk"), "{trouble}");
}

#[tokio::test]
async fn a_host_whose_store_is_moved_away_acknowledges_nothing_more() {
    let directory = TempDir::new().expect("a temporary directory");
    let config = config(directory.path());
    let engine =
        Engine::open(config.clone(), guest_basics::steps()).await.expect("the engine opens");
    engine.deploy(basics()).await.expect("the module is good");
    let file = directory.path().join("segno.redb");
    std::fs::rename(&file, directory.path().join("elsewhere")).expect("it can be moved");

    let refused =
        engine.start("echo", raw(&json!(1)), None).await.expect_err("nobody would find it");
    assert!(matches!(refused, EngineError::Store(StoreError::Moved { .. })), "{refused:?}");
    let trouble = engine.trouble().expect("the host says so");
    assert!(trouble.contains("was moved, deleted or replaced"), "{trouble}");
    let second =
        Engine::open(config, segno::Steps::new()).await.map(drop).expect_err("it would begin anew");
    assert!(second.to_string().contains("is in use by another process"), "{second}");
    assert!(!file.exists(), "nothing was made in its place");
}

#[tokio::test]
async fn a_host_that_has_nothing_to_do_sees_that_its_store_was_deleted() {
    let directory = TempDir::new().expect("a temporary directory");
    let config = config(directory.path());
    let engine = Engine::open(config, segno::Steps::new()).await.expect("the engine opens");
    let current = Supervisor::new(engine.clone());
    std::fs::remove_file(directory.path().join("segno.redb")).expect("it can be deleted");
    let open = async |_before: &Engine| Err::<Engine, _>("it is not opened again");
    patiently(current.look_after(open)).await;
    let trouble = engine.trouble().expect("the host says so");
    assert!(trouble.contains("put the file back"), "{trouble}");
}

#[test]
fn a_store_that_was_open_before_is_not_made_anew() {
    let directory = TempDir::new().expect("a temporary directory");
    let cache = segno_host::store::DEFAULT_CACHE;
    let gone = Store::reopen(directory.path(), cache).map(drop).expect_err("there is none");
    assert!(matches!(gone, StoreError::Moved { .. }), "{gone}");
    std::fs::write(directory.path().join("segno.redb"), "").expect("it can be written");
    for opened in [Store::open(directory.path()), Store::reopen(directory.path(), cache)] {
        let error = opened.map(drop).expect_err("what was in it is lost");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}

#[tokio::test]
async fn nobody_else_may_read_what_a_host_writes() {
    let parent = TempDir::new().expect("a temporary directory");
    let data = parent.path().join("data");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    let config = Config::new(&data, "http://segno.test");
    for _ in 0..2 {
        let engine =
            Engine::open(config.clone(), segno::Steps::new()).await.expect("the engine opens");
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join("cache")), 0o700);
        for file in ["segno.redb", "segno.0.log", "segno.1.log"] {
            assert_eq!(mode(&data.join(file)), 0o600);
        }
        engine.shutdown().await;
        drop(engine);
        // As an older version has left them.
        for (path, wide) in
            [("segno.redb", 0o644), ("segno.1.log", 0o644), ("cache", 0o755), ("", 0o755)]
        {
            std::fs::set_permissions(data.join(path), Permissions::from_mode(wide))
                .expect("it is ours");
        }
    }
}
