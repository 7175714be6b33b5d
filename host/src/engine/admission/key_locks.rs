//! Starts with one idempotency key, one at a time.

use tokio::sync::{Mutex, MutexGuard};

/// How many locks idempotency keys share: two starts with the same key must not race. As many as
/// there may be connections, so that starts with other keys seldom wait for each other's commit.
const KEY_LOCKS: usize = 4_096;

/// The locks of idempotency keys. Two keys may share one.
pub(crate) struct KeyLocks(Box<[Mutex<()>]>);

impl KeyLocks {
    /// All of them are free.
    pub(crate) fn new() -> Self {
        Self((0..KEY_LOCKS).map(|_| Mutex::new(())).collect())
    }

    /// Waits until no other start has this key.
    pub(crate) async fn lock(&self, key: &str) -> MutexGuard<'_, ()> {
        let hash =
            key.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        self.0[hash % KEY_LOCKS].lock().await
    }
}
