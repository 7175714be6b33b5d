//! What goes wrong, and when: a pure function of the seed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429, and a `Retry-After` of this many seconds; nothing takes effect.
    TooMany {
        /// From 1.
        seconds: u64,
        /// As a date instead of a number.
        as_date: bool,
    },
    /// 500, and nothing takes effect.
    Error,
    /// 500, although the request took effect.
    ErrorAfter,
    /// The connection is dropped without an answer, and nothing takes effect.
    Cut,
    /// The connection is dropped without an answer, although the request took effect.
    CutAfter,
    /// The answer takes this long.
    Slow(Duration),
}

impl Fault {
    /// How the fault is called in a summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMany { .. } => "429",
            Self::Error => "500",
            Self::ErrorAfter => "500 after the effect",
            Self::Cut => "dropped",
            Self::CutAfter => "dropped after the effect",
            Self::Slow(_) => "slow",
        }
    }
}

/// The faults of one start of the service.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rate: f64,
    requests: Mutex<BTreeMap<String, u64>>,
    injected: Mutex<BTreeMap<&'static str, u64>>,
}

impl Faults {
    /// Faults at a rate from 0 (never) to 1 (at each request).
    #[must_use]
    pub fn new(seed: u64, rate: f64) -> Self {
        Self { seed, rate, requests: Mutex::default(), injected: Mutex::default() }
    }

    /// What goes wrong with the next request at this door, if anything does.
    pub fn next(&self, door: &str) -> Option<Fault> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry(door.to_owned()).or_default();
        let number = *count;
        *count += 1;
        drop(requests);
        let fault = decide(self.seed, self.rate, door, number)?;
        *self
            .injected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(fault.name())
            .or_default() += 1;
        Some(fault)
    }

    /// How often what went wrong since this start, by name.
    #[must_use]
    pub fn injected(&self) -> Vec<(&'static str, u64)> {
        let injected = self.injected.lock().unwrap_or_else(PoisonError::into_inner);
        injected.iter().map(|(name, count)| (*name, *count)).collect()
    }
}

/// What goes wrong with the n-th request at a door.
#[must_use]
pub fn decide(seed: u64, rate: f64, door: &str, number: u64) -> Option<Fault> {
    let door =
        door.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ door);
    random.set_stream(number);
    if !random.random_bool(rate.clamp(0.0, 1.0)) {
        return None;
    }
    Some(match random.random_range(0..6) {
        0 => Fault::TooMany { seconds: 1, as_date: random.random() },
        1 => Fault::Error,
        2 => Fault::ErrorAfter,
        3 => Fault::Cut,
        4 => Fault::CutAfter,
        _ => Fault::Slow(Duration::from_millis(random.random_range(200..1200))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, door: &str) -> Vec<Option<Fault>> {
        (0..500).map(|number| decide(seed, 0.2, door, number)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        assert_eq!(first(7, "crm"), first(7, "crm"));
        assert_ne!(first(7, "crm"), first(8, "crm"));
        assert_ne!(first(7, "crm"), first(7, "billing"));
    }

    #[test]
    fn faults_come_at_about_their_rate_and_in_all_kinds() {
        let faults: Vec<_> = first(1, "crm").into_iter().flatten().collect();
        assert!((60..140).contains(&faults.len()), "{} of 500 at a rate of 0.2", faults.len());
        let kinds: std::collections::HashSet<_> = faults.iter().map(|fault| fault.name()).collect();
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }

    #[test]
    fn a_rate_of_zero_is_peace() {
        assert!((0..1000).all(|number| decide(3, 0.0, "crm", number).is_none()));
    }

    #[test]
    fn each_request_moves_on_to_the_next_decision() {
        let faults = Faults::new(7, 0.2);
        let seen: Vec<_> = (0..500).map(|_| faults.next("crm")).collect();
        assert_eq!(seen, first(7, "crm"));
    }
}
