//! The clock that stops a guest which fuel does not stop.
//!
//! Fuel counts what a guest computes, and each call of the host is charged. Behind both stands time: a
//! guest that has been at work for many times as long as its fuel takes is stopped where it next
//! computes, whatever it has found to do for nothing. No run that behaves comes near it, so what a run
//! does does not depend on how fast the machine is.

use std::time::Duration;

use wasmtime::Engine;

/// The unit in which the time of guests is counted, [`crate::sandbox::Quota::seconds`]: the thread that
/// counts so rarely costs the rest nothing.
const TICK: Duration = Duration::from_secs(1);

/// Starts a thread that counts the time of all guests of an engine, until the last of them is gone.
pub(super) fn start(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("segno-ticker".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::park_timeout(TICK);
        }
    })?;
    Ok(())
}
