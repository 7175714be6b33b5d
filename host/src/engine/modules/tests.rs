use std::sync::mpsc::channel;
use std::time::Duration;

use segno_journal::Timestamp;

use super::*;
use crate::sandbox::Capacity;

/// More drafts than may wait for the disk.
const MANY: usize = 10_000;

/// How long the test waits for what would otherwise never come.
const NEVER: Duration = Duration::from_secs(60);

#[test]
fn while_a_module_waits_for_a_slow_disk_whoever_starts_a_run_does_not() {
    let store = Store::in_memory().expect("there is memory");
    let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
    let sandbox = Sandbox::new(None, Capacity { guests: 1, memory: 1 << 20 });
    let modules = Modules::open(
        sandbox.expect("there is a sandbox"),
        store,
        committer.clone(),
        segno::Steps::new(),
    );
    let modules = Arc::new(modules.expect("the store can be read"));

    // The disk takes nothing until the test says so, and the queue is full.
    let (go_on, stalled) = channel::<()>();
    committer.submit(Draft::nothing(), move |_| stalled.recv().expect("the test says so"));
    let filling = committer.clone();
    let filling = std::thread::spawn(move || {
        (0..MANY).for_each(|_| filling.submit(Draft::nothing(), |_written| {}));
    });
    while committer.held_back() == 0 {
        std::thread::yield_now();
    }
    let digest = Digest::from_bytes([7; 32]);
    let manifest = Manifest { sdk: "test".into(), workflows: Vec::new(), steps: Vec::new() };
    let record = ModuleRecord { manifest, size: 1, deployed_at: Timestamp(1) };
    let putting = Arc::clone(&modules);
    let put = std::thread::spawn(move || putting.put(digest, &record, b"code", |_written| {}));
    while committer.held_back() < 2 {
        assert!(!put.is_finished(), "it did not wait for the disk");
        std::thread::yield_now();
    }

    let (told, hears) = channel();
    std::thread::spawn(move || {
        // What a start asks first. Nobody listens where it comes too late.
        let _late = told.send(modules.enter_current("pay").is_err());
    });
    let heard = hears.recv_timeout(NEVER);
    go_on.send(()).expect("the committer listens");
    assert_eq!(heard, Ok(true), "there is no such workflow, and that is said at once");
    filling.join().expect("there was room in the end");
    put.join().expect("there was room in the end");
}
