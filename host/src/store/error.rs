//! Why the store could not do what it was asked.

/// Trouble with the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory.
    #[error(
        "the data directory {path} is in use by another process; stop it, or use another --data directory"
    )]
    InUse {
        /// The directory.
        path: String,
    },
    /// The directory cannot be used.
    #[error("the data directory {path} cannot be used: {detail}")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The file is not a store, or is damaged.
    #[error("the store {path} is damaged or is not a Segno store: {detail}; restore it from a backup")]
    Corrupt {
        /// The file.
        path: String,
        /// What was found.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error(
        "the store has format {found}, but this version reads formats up to {known}; use a newer version"
    )]
    Newer {
        /// The format of the file.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// A record cannot be read.
    #[error("a record of table `{table}` cannot be read: {detail}")]
    Record {
        /// The table.
        table: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Reading or writing failed, for example because the disk is full.
    #[error("the store cannot be read or written: {detail}")]
    Io {
        /// What the system said.
        detail: String,
    },
    /// A thread of the host has panicked, and what it had to do is not done.
    #[error("a thread of the host has panicked; restart the host")]
    Panicked,
    /// The store has been closed after an error, or the host is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// An error of the storage below, as redb tells it.
    pub(crate) fn io(error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::PreviousIo => {
                Self::Io { detail: "an earlier write failed, and the store must be opened again".into() }
            }
            error => Self::Io { detail: error.to_string() },
        }
    }
}
