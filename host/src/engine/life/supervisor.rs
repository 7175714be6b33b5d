//! The engine of a host over all its lives: after its store has failed, as on a full disk, it is let
//! go and opened again as after a crash, as soon as the store takes what is written.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::engine::handle::Engine;
use crate::store::StoreError;

/// How often is looked whether the file of the store lies where it was. Each commit looks, too: this is
/// for hosts that have nothing to do.
const LOOK: Duration = Duration::from_secs(5);

/// How long the host waits before it opens a store again that has failed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long it waits at most: twice as long each time, so that a disk on which a little room comes and
/// goes does not cut off the steps again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A store that did not fail for so long begins with the first pause again.
const CALM: Duration = Duration::from_secs(120);

/// Whichever engine is current. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor(Arc<RwLock<Engine>>);

impl Supervisor {
    /// The first one.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self(Arc::new(RwLock::new(engine)))
    }

    /// The engine that is current. To be asked for at each request: one that has failed takes no
    /// more work.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.read().clone()
    }

    /// Looks after the engine: where its disk takes nothing more, the engine is let go, and `open` is
    /// tried until it gives another one. What was acknowledged is on disk, and what was not is refused
    /// until then; the steps that ran were cut off, as in a crash.
    ///
    /// After a trouble that does not pass by itself, nothing is tried: the host stays as it is until
    /// somebody restarts it, and this returns.
    pub async fn look_after<E: Display>(self, open: impl AsyncFn(&Engine) -> Result<Engine, E>) {
        let mut pauses = Pauses::default();
        loop {
            let failed = self.engine();
            if !failed.fails().await.may_pass() {
                return failed.halt().await;
            }
            failed.abandon().await;
            let mut told = String::new();
            let engine = loop {
                pauses.pause().await;
                match open(&failed).await {
                    Ok(engine) => break engine,
                    Err(error) => tell_once(&mut told, &error),
                }
            };
            tracing::info!("the store takes what is written again; the host goes on");
            *self.0.write() = engine;
        }
    }
}

/// Says why the store cannot be opened, once for each reason.
fn tell_once(told: &mut String, error: &impl Display) {
    let error = error.to_string();
    if *told != error {
        tracing::warn!(error, "the store cannot be opened again yet");
        *told = error;
    }
}

/// The pauses between two attempts to open the store.
#[derive(Default)]
struct Pauses {
    last: Option<(Duration, Instant)>,
}

impl Pauses {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing tells when a disk takes again what is written"
    )]
    async fn pause(&mut self) {
        let now = Instant::now();
        let pause = self.next(now);
        self.last = Some((pause, now));
        tokio::time::sleep(pause).await;
    }

    fn next(&self, now: Instant) -> Duration {
        match self.last {
            Some((last, at)) if now.duration_since(at) < last + CALM => {
                (last * 2).min(LONGEST_PAUSE)
            }
            _ => FIRST_PAUSE,
        }
    }
}

impl Engine {
    /// Why the store has failed, as soon as it has.
    async fn fails(&self) -> StoreError {
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                error = self.0.committer.fails() => return error.clone(),
                _ = look.tick() => self.look_at_store().await,
            }
        }
    }

    async fn look_at_store(&self) {
        let store = self.0.store.clone();
        let looked = tokio::task::spawn_blocking(move || store.look()).await;
        if let Ok(Err(error)) = looked {
            self.0.committer.give_up(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_the_store_fails_again_and_begin_anew_after_a_calm_time() {
        let mut pauses = Pauses::default();
        let mut now = Instant::now();
        let mut seconds = Vec::new();
        for _ in 0..7 {
            let pause = pauses.next(now);
            pauses.last = Some((pause, now));
            seconds.push(pause.as_secs());
            now += pause + Duration::from_secs(10);
        }
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pauses.next(now + CALM), FIRST_PAUSE);
    }
}
