//! A storage whose failures are remembered, with what each leaves behind.
//!
//! The storage below stops at its first failure and tells whoever comes next only that there was one,
//! also where the first was told to somebody who just looked up a run.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::Arc;

use redb::{BackendError, StorageBackend};

use crate::store::error::{DiskTrouble, FirstFailure, StoreError};

/// A storage that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    storage: Box<dyn StorageBackend>,
    first: FirstFailure,
}

impl Watched {
    /// Watches a storage. What is given with it hears of the first failure.
    pub(super) fn new(storage: Box<dyn StorageBackend>, first: &FirstFailure) -> Self {
        Self { storage, first: Arc::clone(first) }
    }

    /// What is read or written as it is, or the failure with what it leaves behind.
    fn note<T>(&self, doing: Doing, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            let failure = Failure { doing, trouble: doing.trouble(kind), error };
            let _earlier = self.first.set(failure.as_store_error());
            Error::new(kind, failure)
        })
    }
}

/// What a storage was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Read,
    Write,
    Sync,
}

impl Doing {
    /// What a failure of this kind leaves behind. What could not be written is not there, and that is
    /// all. What could not be synced may be gone while the system takes it for written, and what
    /// cannot be read is gone.
    const fn trouble(self, kind: ErrorKind) -> DiskTrouble {
        match (self, kind) {
            (
                Self::Write,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem,
            ) => DiskTrouble::Refused,
            _ => DiskTrouble::Failed,
        }
    }
}

/// A failure of the storage, as it goes through the library that uses it.
#[derive(Debug)]
pub(super) struct Failure {
    doing: Doing,
    trouble: DiskTrouble,
    error: Error,
}

impl Failure {
    /// What an access of a watched storage has met, for those who work with the store.
    pub(super) fn told(error: Error) -> StoreError {
        let failure = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        let unknown = || StoreError::Io { trouble: DiskTrouble::Failed, detail: error.to_string() };
        failure.map_or_else(unknown, Self::as_store_error)
    }

    fn as_store_error(&self) -> StoreError {
        StoreError::Io { trouble: self.trouble, detail: self.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.doing {
            Doing::Read => "reading from the disk",
            Doing::Write => "writing to the disk",
            Doing::Sync => "waiting until the disk has what was written",
        };
        write!(f, "{doing}: {}", self.error)
    }
}

impl std::error::Error for Failure {}

impl StorageBackend for Watched {
    fn len(&self) -> Result<u64> {
        self.note(Doing::Read, self.storage.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.note(Doing::Read, self.storage.read(offset, out))
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.note(Doing::Write, self.storage.set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.note(Doing::Sync, self.storage.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.note(Doing::Write, self.storage.write(offset, data))
    }

    fn close(&self) -> Result<()> {
        self.storage.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.storage.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.storage.try_lock_shared_range(start, end)
    }

    fn lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), BackendError> {
        self.storage.lock_range(start, end)
    }

    fn lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), BackendError> {
        self.storage.lock_shared_range(start, end)
    }

    fn unlock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), BackendError> {
        self.storage.unlock_range(start, end)
    }

    fn query_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.storage.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_written_leaves_everything_as_it_was() {
        let kinds =
            [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem];
        for kind in kinds {
            assert_eq!(Doing::Write.trouble(kind), DiskTrouble::Refused, "{kind}");
            assert_eq!(Doing::Sync.trouble(kind), DiskTrouble::Failed, "{kind}");
            assert_eq!(Doing::Read.trouble(kind), DiskTrouble::Failed, "{kind}");
        }
        assert_eq!(Doing::Write.trouble(Error::from_raw_os_error(5).kind()), DiskTrouble::Failed);
    }
}
