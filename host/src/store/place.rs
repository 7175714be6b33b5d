//! Where the files of a store lie, and that they lie there still.
//!
//! A host that has a file open can write to it when it was moved or deleted: it would acknowledge what
//! nobody finds again, beside another host that began anew in the same directory.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::store::error::{LogTrouble, StoreError};

/// The name of the file of pages in the data directory.
pub(super) const FILE: &str = "segno.redb";

/// Where a file lies, for those who read what is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// The data directory.
    pub(super) directory: &'a Path,
    /// The file.
    pub(super) path: &'a Path,
}

impl At<'_> {
    /// The directory cannot be used.
    pub(super) fn unusable(self, error: &std::io::Error) -> StoreError {
        unusable(self.directory, error)
    }

    /// The file is a log that cannot be used with the store.
    pub(super) fn log(self, trouble: LogTrouble) -> StoreError {
        StoreError::Log { path: self.path.display().to_string(), trouble }
    }

    /// The file is damaged, or is no store.
    pub(super) fn corrupt(self, detail: &str) -> StoreError {
        StoreError::Corrupt { path: self.path.display().to_string(), detail: detail.to_owned() }
    }
}

/// The lock of a data directory. It is let go when this is dropped.
///
/// The directory itself is locked, and not a file in it: what is moved out of the directory or deleted
/// does not take the lock along. The storage below locks its file as well.
#[derive(Debug)]
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "to be held")] Option<File>);

impl DirectoryLock {
    /// Locks a directory that is there.
    ///
    /// # Errors
    ///
    /// Another process has it, or another store of this one.
    #[cfg(unix)]
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        use std::fs::TryLockError;

        let unusable = |error| unusable(directory, &error);
        let file = File::open(directory).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(file))),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::InUse { path: directory.display().to_string() })
            }
            // As on some network file systems. The lock of the file remains.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %directory.display(), %error, "the data directory cannot be locked");
                Ok(Self(None))
            }
        }
    }

    /// There is no lock of a directory on this system; that of the file remains.
    #[cfg(not(unix))]
    pub(super) fn take(_directory: &Path) -> Result<Self, StoreError> {
        Ok(Self(None))
    }
}

/// Where the files of a store lie, and which they are.
#[derive(Debug)]
pub(super) struct Place(Vec<(PathBuf, Identity)>);

impl Place {
    /// The place of open files.
    pub(super) fn of<'a>(
        files: impl Iterator<Item = (PathBuf, &'a File)>,
    ) -> Result<Self, StoreError> {
        let placed = files.map(|(path, file)| {
            let metadata = file.metadata().map_err(|error| unusable(&path, &error))?;
            let path = std::path::absolute(&path).map_err(|error| unusable(&path, &error))?;
            Ok((path, Identity::of(&metadata)))
        });
        placed.collect::<Result<_, _>>().map(Self)
    }

    /// Looks whether the files that are open still lie where the next host looks for them. It takes a
    /// microsecond for each.
    ///
    /// # Errors
    ///
    /// One does not.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.0.iter().try_for_each(|(path, identity)| match path.metadata() {
            Ok(metadata) if Identity::of(&metadata) == *identity => Ok(()),
            // What cannot be looked at has not moved for that.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(StoreError::Moved { path: path.display().to_string() }),
        })
    }

    /// How large the files are, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.iter().map(|(path, _)| path.metadata().map_or(0, |metadata| metadata.len())).sum()
    }
}

/// Which file it is, whatever its name: device and number.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

#[cfg(unix)]
impl Identity {
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }
}

/// Here an open file can be neither moved nor deleted.
#[cfg(not(unix))]
#[derive(Debug, PartialEq, Eq)]
struct Identity;

#[cfg(not(unix))]
impl Identity {
    fn of(_metadata: &std::fs::Metadata) -> Self {
        Self
    }
}

/// A data directory that cannot be used.
pub(super) fn unusable(directory: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Directory { path: directory.display().to_string(), detail: error.to_string() }
}
