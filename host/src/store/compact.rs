//! Giving back what the file of a store does not need: the pages of rows that were deleted lie between those of others,
//! and the file is cut at its end only.

use std::path::Path;

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keyspace::{Keyspace, StorageBackend, pages_of};
use crate::store::open::DEFAULT_CACHE;
use crate::store::place::{At, DirectoryLock, FILE};
use crate::store::private;

/// How large the file of a store was, and how large it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

impl Store {
    /// Makes the file of a store that no host has as small as it can be. What is in its log is brought into it first.
    /// Rows are moved in transactions, each of which is on disk or not there at all: to be killed amid that harms
    /// nothing, and costs what is left to do, and that who opens it next checks the whole file.
    ///
    /// # Errors
    ///
    /// A host has the store, there is none, or it is damaged.
    pub fn compact(directory: &Path) -> Result<Compacted, StoreError> {
        let path = directory.join(FILE);
        let at = At { directory, path: &path };
        let before = Self::size(directory)?;
        drop(Self::reopen(directory, DEFAULT_CACHE)?);
        let _lock = DirectoryLock::take(directory)?;
        let pages =
            private::open_file(&path).and_then(pages_of).map_err(|error| at.unusable(&error))?;
        Keyspace::compact(at, pages)?;
        Ok(Compacted { before, after: Self::size(directory)? })
    }

    /// How large the file of a store is, in bytes, also of one that is open.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn size(directory: &Path) -> Result<u64, StoreError> {
        let path = directory.join(FILE);
        let metadata = path.metadata();
        Ok(metadata.map_err(|error| At { directory, path: &path }.unusable(&error))?.len())
    }

    /// As [`Store::compact`], of pages on any storage, such as one that fails on purpose. What was in their log has been
    /// brought into them.
    ///
    /// # Errors
    ///
    /// As [`Store::compact`].
    pub fn compact_on(pages: Box<dyn StorageBackend>) -> Result<(), StoreError> {
        let path = Path::new("storage");
        Keyspace::compact(At { directory: path, path }, pages)
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::{Op, RunId, Timestamp};
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Committer, Draft};

    #[test]
    fn a_store_of_which_most_was_deleted_becomes_small_and_loses_nothing() {
        let directory = TempDir::new().expect("a temporary directory");
        let run = RunId::from_parts(Timestamp(1), 7);
        let details = |op: u64| format!("{op}:{}", "x".repeat(50_000));
        {
            let store = Store::open(directory.path()).expect("the store opens");
            let (committer, thread) = Committer::start(store).expect("there is a thread");
            for op in 0..800 {
                let draft = Draft::nothing().with_heartbeat(run, Op(op), &details(op));
                committer.submit(draft, |_written| {});
            }
            // The last ones stay, which lie at the end of the file.
            for op in 0..780 {
                committer.submit(Draft::nothing().without_heartbeat(run, Op(op)), |_written| {});
            }
            committer.flush().expect("there is room");
            committer.stop();
            thread.join().expect("it stops");
        }
        let Compacted { before, after } = Store::compact(directory.path()).expect("nobody has it");
        assert!(after < 16 << 20 && after <= before, "{before} {after}");
        let store = Store::open(directory.path()).expect("the store opens");
        let left = store.heartbeats().expect("it can be read");
        let expected: Vec<_> = (780..800).map(|op| (run, Op(op), details(op))).collect();
        assert!(left == expected, "{} are left", left.len());
        assert!(Store::compact(directory.path()).is_err(), "a host has it");
    }
}
