//! Steering runs: what can be done to one from outside.

mod cancel;
mod delete;
mod fork;
mod host_pause;
mod jobs;
mod keys;
mod moves;
mod pause;
mod retry;
mod times;

use segno_host::engine::{Clock, Config, Engine, VirtualClock};
use segno_host::store::Store;

/// An engine on a clock that is moved by hand.
async fn engine_at(store: &Store, clock: &VirtualClock, set: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config::new("/nonexistent", "http://segno.test");
    config.cache = segno_tests::cache();
    set(&mut config);
    let clock = Clock::Virtual(clock.clone());
    let opened = Engine::open_on(store.clone(), config, guest_basics::steps(), clock).await;
    opened.expect("the engine opens")
}
