//! Why the store could not do what it was asked.

use std::sync::{Arc, OnceLock};

use segno_journal::RunId;

/// The first failure of a storage, if there was one.
pub(super) type FirstFailure = Arc<OnceLock<StoreError>>;

/// What a failure of the disk leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskTrouble {
    /// The disk takes no more: it is full, over a quota or read-only. All that was written before is
    /// there, so the host goes on when there is room.
    Refused,
    /// The disk has lost something, or may have: what could not be synced counts as written for the
    /// system, though it is not, and nobody is told a second time.
    Failed,
}

impl DiskTrouble {
    const fn advice(self) -> &'static str {
        match self {
            Self::Refused => "the host goes on by itself when the disk takes what is written",
            Self::Failed => {
                "what the disk has kept is not known, so the host stays down: look at the disk and at the log of the \
                 system, have the command `check` read the store, and restart the host"
            }
        }
    }
}

/// What is wrong with the log beside a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogTrouble {
    /// It is not there.
    #[error(
        "is not there, and the store beside it goes on in it: put it back; without it, what was acknowledged last is \
         lost, so restore the store from a backup otherwise"
    )]
    Missing,
    /// It is there, and the store beside it is not.
    #[error(
        "is there, and the store beside it is not: put `segno.redb` back, or move the log away to begin a new store"
    )]
    WithoutStore,
    /// It belongs to another store than the one beside it, which has a log of its own.
    #[error(
        "belongs to another store than the one beside it: put back the log that belongs to this store, or restore \
         the store from a backup"
    )]
    OfAnother,
    /// It belongs to the store beside it, which was written from a later state of it.
    #[error(
        "ends before what the store beside it has: it is an older copy, or damaged; put back the log as it was when \
         the store was used last, or restore the store from a backup"
    )]
    Older,
    /// It belongs to another store than the one beside it, which has no log yet.
    #[error(
        "belongs to another store than the one beside it, which is new or was restored from a backup: move the log \
         away, and this store makes its own"
    )]
    Foreign,
}

/// What a draft needs, and did not find in its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// Its idempotency key has started a run: this one.
    #[error("its idempotency key has started run {0}")]
    Started(RunId),
    /// Its idempotency key is that of a batch which is stored.
    #[error("a batch with its idempotency key is stored")]
    Stored,
    /// This run, which has ended.
    #[error("run {0} has ended")]
    Ended(RunId),
    /// This run, which has not ended, or goes on again.
    #[error("run {0} has not ended")]
    GoesOn(RunId),
    /// This run, which was deleted.
    #[error("run {0} was deleted")]
    Gone(RunId),
    /// The token of one of its hooks is in use by this run.
    #[error("the token of one of its hooks is in use by run {0}")]
    TokenTaken(RunId),
    /// A job, which somebody else has changed.
    #[error("somebody else has changed the job meanwhile")]
    Changed,
}

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
    #[error(
        "the store {path} is damaged or is not a Segno store: {detail}; restore it from a backup"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// What was found.
        detail: String,
    },
    /// The log of the store is not its own, or is not there.
    #[error("the log {path} {trouble}")]
    Log {
        /// The file.
        path: String,
        /// What is wrong with it.
        trouble: LogTrouble,
    },
    /// The file is not where it was when it was opened.
    #[error(
        "the store {path} was moved, deleted or replaced while the host ran, so nothing more is accepted; put the \
         file back where it was and restart the host"
    )]
    Moved {
        /// Where the file was.
        path: String,
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
    #[error("the store cannot be read or written: {detail}; {}", trouble.advice())]
    Io {
        /// What that leaves behind.
        trouble: DiskTrouble,
        /// What the system said.
        detail: String,
    },
    /// Another host has taken a shard over, and nothing was written.
    #[error(
        "shard {shard} is in epoch {found}, and no longer in {expected}: another host has taken it over, so this one \
         writes nothing more to it"
    )]
    Fenced {
        /// The shard.
        shard: u32,
        /// The epoch that this host had it in.
        expected: u64,
        /// The epoch that it is in.
        found: u64,
    },
    /// What was to be written holds no more, and nothing of it was. The store itself is well.
    #[error("it was not written: {0}")]
    Unmet(Unmet),
    /// A thread of the host has panicked, and what it had to do is not done.
    #[error("a thread of the host has panicked; restart the host")]
    Panicked,
    /// The store has been closed after an error, or the host is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the store may be opened again by the process that had the trouble. After a panic nothing
    /// is known of the state of the host, and after a failure of the disk nothing of what it kept.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Io { trouble: DiskTrouble::Refused, .. })
    }
}
