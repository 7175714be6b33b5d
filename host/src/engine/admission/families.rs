//! How many runs there are of each family: those that descend from one run. A run that starts children, which
//! start children, would else fill the host with what nobody asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::RunId;

/// The families of all runs that have not ended, each with how many children it has in all. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Families(Arc<Mutex<BTreeMap<RunId, usize>>>);

/// A child counts as one of its family, until this is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    families: Families,
    root: RunId,
}

impl Families {
    /// One more of the family of this run.
    pub(crate) fn join(&self, root: RunId) -> Member {
        *self.0.lock().entry(root).or_default() += 1;
        Member { families: self.clone(), root }
    }

    /// How many children the family has.
    pub(crate) fn size(&self, root: RunId) -> usize {
        self.0.lock().get(&root).copied().unwrap_or(0)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut families = self.families.0.lock();
        if let Some(size) = families.get_mut(&self.root) {
            *size -= 1;
            if *size == 0 {
                families.remove(&self.root);
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
        let members = [families.join(root), families.join(root)];
        assert_eq!(families.size(root), 2);
        drop(members);
        assert_eq!(families.size(root), 0);
        assert!(families.0.lock().is_empty(), "of a family that is gone nothing is kept");
    }
}
