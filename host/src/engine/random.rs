//! The one place that draws lots: webhook tokens, seeds and names of runs, and where in its range
//! the delay before a retry falls.

use std::sync::Arc;

use parking_lot::Mutex;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use segno_journal::{RunId, Timestamp};

use crate::sandbox::WebhookAddress;

/// What the path of every webhook begins with.
pub const WEBHOOK_PATH: &str = "/.well-known/workflow/v1/webhook/";

/// How many bytes of randomness the token of a webhook has: nobody can guess 160 bits.
const TOKEN_BYTES: usize = 20;

/// How many bytes of randomness a secret has that opens a host.
const SECRET_BYTES: usize = 32;

/// Where the engine's chance comes from.
#[derive(Debug, Clone)]
pub enum Random {
    /// The generator of the operating system.
    System,
    /// A generator that gives the same again: for tests, because who knows its seed knows every
    /// token. Clones draw from the same stream.
    Seeded(Arc<Mutex<ChaCha20Rng>>),
}

impl Random {
    /// Random that grows from a seed, and from nothing else.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// A new address of a webhook, which nobody can guess.
    pub(crate) fn address(&self, public_url: &str) -> WebhookAddress {
        let token = hex::encode(self.draw::<TOKEN_BYTES>());
        let url = format!("{public_url}{WEBHOOK_PATH}{token}");
        WebhookAddress { token, url }
    }

    /// A new secret, as text.
    pub(crate) fn secret(&self) -> String {
        hex::encode(self.draw::<SECRET_BYTES>())
    }

    /// A new key to sign with.
    pub(crate) fn key(&self) -> [u8; 32] {
        self.draw()
    }

    /// A new seed for a run.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.draw()
    }

    /// A new name for a run, after the last one that was given.
    pub(crate) fn run_id(&self, now: Timestamp, last: Option<RunId>) -> RunId {
        let fresh = RunId::from_parts(now, u128::from_be_bytes(self.draw()));
        match last {
            // Within a millisecond, or where the clock went back, names go on counting, so that
            // they sort by the order of the starts.
            Some(last) if last.timestamp() >= now => last.successor().unwrap_or(fresh),
            _ => fresh,
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.draw())) / f64::from(u32::MAX)
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => getrandom::fill(&mut bytes).expect(
                "the operating system's generator works: nothing secret can be made without it",
            ),
            Self::Seeded(random) => random.lock().fill_bytes(&mut bytes),
        }
        bytes
    }
}
