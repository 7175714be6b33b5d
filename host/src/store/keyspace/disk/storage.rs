//! Where a store lies: a file of pages and the segments of its log, or anything that is like them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use redb::backends::{FileBackend, InMemoryBackend};

use crate::store::keyspace::disk::direct::DirectFile;
use crate::store::keyspace::disk::log::SEGMENTS;
use crate::store::keyspace::disk::overlay::Overlay;

/// After how many bytes a segment of the log is full. A host that starts again reads two of them, and one
/// that runs has the rows of two in memory, which take some times as much where they are small. The last batch may go beyond.
const FULL_AT: u64 = 32 << 20;

/// Where a store lies.
#[derive(Debug)]
pub struct Storage {
    /// The file of pages.
    pub pages: Box<dyn StorageBackend>,
    /// The segments of the log.
    pub log: [Box<dyn StorageBackend>; SEGMENTS],
    /// After how many bytes a segment is full, and goes into the file of pages.
    pub full_at: u64,
    /// Who does that.
    pub checkpoints: Checkpoints,
}

/// Who brings what is in the log into the file of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoints {
    /// A thread of its own, while commits go on.
    InBackground,
    /// Whoever commits when a segment is full, and who closes the store: for a host on one thread, and for
    /// one that always does the same.
    InPlace,
    /// Nobody: it is only read.
    Never,
}

impl Storage {
    /// Storage with a log of the usual size.
    #[must_use]
    pub fn new(pages: Box<dyn StorageBackend>, log: [Box<dyn StorageBackend>; SEGMENTS]) -> Self {
        Self { pages, log, full_at: FULL_AT, checkpoints: Checkpoints::InBackground }
    }

    /// Files of a data directory that are open.
    pub(in crate::store) fn of_files(
        directory: &Path,
        pages: File,
        log: [File; SEGMENTS],
    ) -> io::Result<Self> {
        let [first, second] = log_paths(directory);
        let [first_file, second_file] = log;
        let first = Box::new(DirectFile::of(&first, first_file)?);
        let second = Box::new(DirectFile::of(&second, second_file)?);
        Ok(Self::new(pages_of(pages)?, [first, second]))
    }

    /// Files of which nothing is changed: what is written stays in memory. A segment that is not there is
    /// empty.
    pub(in crate::store) fn to_look_at(
        pages: File,
        log: [Option<File>; SEGMENTS],
    ) -> io::Result<Self> {
        let [first, second] = log;
        let log = [to_look_at(first)?, to_look_at(second)?];
        let storage = Self::new(to_look_at(Some(pages))?, log);
        Ok(Self { checkpoints: Checkpoints::Never, ..storage })
    }
}

/// A file of pages that is open.
pub(in crate::store) fn pages_of(file: File) -> io::Result<Box<dyn StorageBackend>> {
    Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
}

fn to_look_at(file: Option<File>) -> io::Result<Box<dyn StorageBackend>> {
    Ok(match file {
        Some(file) => Box::new(Overlay::new(file)?),
        None => Box::new(InMemoryBackend::new()),
    })
}

/// Where the segments of the log of a data directory lie.
pub(in crate::store) fn log_paths(directory: &Path) -> [PathBuf; SEGMENTS] {
    ["segno.0.log", "segno.1.log"].map(|name| directory.join(name))
}
