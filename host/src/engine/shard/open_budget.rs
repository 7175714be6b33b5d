//! What all runs of a host keep open together: inputs of steps that have not ended and fixed answers of
//! webhooks lie in memory, so their sum has a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run may keep open whatever all others do, in bytes: a run that is like most is not to be
/// stopped because others are not.
pub(crate) const FREE: usize = 16 << 10;

/// The room that all runs share for what they keep open beyond [`FREE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct OpenBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: usize,
    taken: AtomicUsize,
}

/// What one run takes of the room, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share(Option<Box<Taken>>);

#[derive(Debug)]
struct Taken {
    budget: OpenBudget,
    bytes: usize,
}

impl OpenBudget {
    /// Room for so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Budget { limit, taken: AtomicUsize::new(0) }))
    }

    /// How much room there is in all, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// Has a share stand for a run that keeps so many bytes open. False, and nothing is changed, where
    /// there is no room for it.
    #[must_use]
    pub(crate) fn fit(&self, share: &mut Share, open_bytes: usize) -> bool {
        let has = share.bytes();
        let wants = open_bytes.saturating_sub(FREE);
        if wants <= has {
            share.shrink(wants);
            return true;
        }
        let more = wants - has;
        let room = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= self.0.limit);
        let fits = self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if fits {
            share
                .0
                .get_or_insert_with(|| Box::new(Taken { budget: self.clone(), bytes: 0 }))
                .bytes = wants;
        }
        fits
    }
}

impl Share {
    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |taken| taken.bytes)
    }

    fn shrink(&mut self, to: usize) {
        if let Some(taken) = &mut self.0 {
            taken.budget.0.taken.fetch_sub(taken.bytes - to, Ordering::Relaxed);
            taken.bytes = to;
        }
        if to == 0 {
            self.0 = None;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_takes_no_room_and_what_is_beyond_takes_it_until_it_is_given_back() {
        let budget = OpenBudget::new(100);
        let mut small = Share::default();
        let mut one = Share::default();
        let mut other = Share::default();
        assert!(budget.fit(&mut one, FREE + 60));
        assert!(budget.fit(&mut other, FREE + 40));
        assert!(!budget.fit(&mut other, FREE + 41), "there is no room");
        assert!(budget.fit(&mut small, FREE), "nobody is asked for what is free");
        assert!(!budget.fit(&mut small, FREE + 1));
        assert!(budget.fit(&mut one, FREE + 10));
        assert!(budget.fit(&mut other, FREE + 90), "the other has given some back");
        drop(other);
        assert!(budget.fit(&mut one, FREE + 100));
    }
}
