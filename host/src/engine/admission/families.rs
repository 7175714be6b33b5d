//! How many runs there are of each family: those that descend from one run. A run that starts children, which
//! start children, would else fill the host with what nobody asked for. And how much its runs may tell each
//! other at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::RunId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bytes of signals between runs may be on their way to shards that have not taken them.
const MAX_CARRIED: usize = 64 << 20;

/// What a signal takes on its way besides its payload, in bytes.
const ENVELOPE: usize = 512;

/// The families of all runs that have not ended, each with how many children it has in all. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Families {
    sizes: Arc<Mutex<BTreeMap<RunId, usize>>>,
    room: Arc<Semaphore>,
}

/// A child counts as one of its family, until this is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    families: Families,
    root: RunId,
}

/// The room that a signal takes on its way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Carried(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Default for Families {
    fn default() -> Self {
        Self { sizes: Arc::default(), room: Arc::new(Semaphore::new(MAX_CARRIED)) }
    }
}

impl Families {
    /// One more of the family of this run.
    pub(crate) fn join(&self, root: RunId) -> Member {
        *self.sizes.lock().entry(root).or_default() += 1;
        Member { families: self.clone(), root }
    }

    /// So many more of the family, unless that would have more than the limit then.
    pub(crate) fn try_join(&self, root: RunId, count: usize, limit: usize) -> Option<Vec<Member>> {
        if count == 0 {
            return Some(Vec::new());
        }
        let mut sizes = self.sizes.lock();
        let size = sizes.get(&root).copied().unwrap_or(0);
        if size + count > limit {
            return None;
        }
        sizes.insert(root, size + count);
        drop(sizes);
        Some((0..count).map(|_| Member { families: self.clone(), root }).collect())
    }

    /// Room for a signal with so large a payload, if there is some.
    pub(crate) fn carry(&self, payload: usize) -> Option<Carried> {
        let bytes = u32::try_from((payload + ENVELOPE).min(MAX_CARRIED)).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok().map(Carried)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut sizes = self.families.sizes.lock();
        if let Some(size) = sizes.get_mut(&self.root) {
            *size -= 1;
            if *size == 0 {
                sizes.remove(&self.root);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn a_family_is_as_large_as_the_members_that_are_left() {
        let families = Families::default();
        let root = RunId::from_parts(Timestamp(1), 7);
        let member = families.join(root);
        let more = families.try_join(root, 2, 3).expect("there is room");
        assert!(families.try_join(root, 1, 3).is_none(), "all or none");
        drop(more);
        assert_eq!(families.try_join(root, 2, 3).map(|members| members.len()), Some(2));
        drop(member);
        assert!(families.sizes.lock().is_empty(), "of a family that is gone nothing is kept");
    }

    #[test]
    fn what_is_on_its_way_has_a_bound() {
        let families = Families::default();
        let payload = 4 << 20;
        let carried: Vec<_> = (0..32).map_while(|_| families.carry(payload)).collect();
        assert_eq!(carried.len(), 15, "each with its envelope");
        assert!(families.carry(payload).is_none());
        drop(carried);
        assert!(families.carry(payload).is_some());
    }
}
