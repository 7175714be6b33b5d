//! Making a store of a stream: whole, or not at all.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::store::backup::{END, MAGIC, ROW, TABLE, VERSION};
use crate::store::error::StoreError;
use crate::store::format;
use crate::store::handle::Store;
use crate::store::keyspace::Keyspace;
use crate::store::place::At;
use crate::store::tables::Table;

/// After how many bytes of rows a transaction of the receiver ends: what it changes is held in memory
/// until then.
const BATCH: usize = 32 << 20;

/// Why a stream did not become a store. No file is left.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The stream does not begin as one.
    #[error("this is no backup of a Segno host")]
    Foreign,
    /// The stream is of another version.
    #[error("the backup has version {found}, but this version of Segno reads version {VERSION}")]
    Version {
        /// The version of the stream.
        found: u32,
    },
    /// The stream stopped before its end.
    #[error("the backup stopped before its end; make it again")]
    Truncated,
    /// The stream is not what was sent.
    #[error("the backup was damaged on its way: {0}; make it again")]
    Damaged(&'static str),
    /// The stream has a table that is not known here.
    #[error(
        "the backup has the table `{0}`, which this version of Segno does not know; use a newer one"
    )]
    UnknownTable(String),
    /// The stream cannot be read.
    #[error("the backup could not be received whole")]
    Input(#[source] std::io::Error),
    /// The file cannot be made.
    #[error("the backup cannot be written to {path}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The file cannot be written, or what was sent is no store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many rows.
    pub rows: u64,
    /// How many bytes of keys and values.
    pub bytes: u64,
}

impl Store {
    /// Makes a store of a stream, in a new file that has its name when it is whole and on disk.
    ///
    /// # Errors
    ///
    /// The stream is not whole, or the file cannot be written or is there already. Nothing is left.
    pub fn receive(path: &Path, from: impl Read) -> Result<Received, BackupError> {
        let file = Unnamed::make_beside(path)?;
        let mut receiver = Receiver { from, hash: Sha256::new() };
        receiver.head()?;
        let received = receiver.rows(&file)?;
        file.finish(path)?;
        Ok(received)
    }
}

/// A stream that is being read.
struct Receiver<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Receiver<R> {
    fn head(&mut self) -> Result<(), BackupError> {
        match self.bytes(MAGIC.len() as u64) {
            Ok(magic) if magic == MAGIC => {}
            Ok(_) | Err(BackupError::Truncated) => return Err(BackupError::Foreign),
            Err(error) => return Err(error),
        }
        match self.number()? {
            VERSION => Ok(()),
            found => Err(BackupError::Version { found }),
        }
    }

    /// Puts the rows into a file, and sees whether they are what was sent.
    fn rows(&mut self, file: &Unnamed) -> Result<Received, BackupError> {
        let mut received = Received { rows: 0, bytes: 0 };
        let mut batch = Batch::default();
        let mut table = None;
        loop {
            match self.byte()? {
                TABLE => {
                    batch.write(file, table)?;
                    table = Some(self.table()?);
                }
                ROW if table.is_some() => {
                    let key = self.number()?;
                    let value = self.number()?;
                    batch.rows.push((self.bytes(key.into())?, self.bytes(value.into())?));
                    batch.bytes += key as usize + value as usize;
                    received.rows += 1;
                    received.bytes += u64::from(key) + u64::from(value);
                    if batch.bytes >= BATCH {
                        batch.write(file, table)?;
                    }
                }
                END => break,
                _ => return Err(BackupError::Damaged("it has a part that is none")),
            }
        }
        batch.write(file, table)?;
        self.end(received.rows)?;
        Ok(received)
    }

    fn table(&mut self) -> Result<Table, BackupError> {
        let length = self.number()?;
        let name = self.bytes(length.into())?;
        Table::named(&name).ok_or_else(|| {
            BackupError::UnknownTable(String::from_utf8_lossy(&name).escape_debug().collect())
        })
    }

    fn end(&mut self, rows: u64) -> Result<(), BackupError> {
        let said = self.array()?;
        if u64::from_le_bytes(said) != rows {
            return Err(BackupError::Damaged("it has another number of rows than it says"));
        }
        let hash: [u8; 32] = std::mem::take(&mut self.hash).finalize().into();
        if self.array()? != hash {
            return Err(BackupError::Damaged("it has another hash than it says"));
        }
        match self.byte() {
            Err(BackupError::Truncated) => Ok(()),
            _ => Err(BackupError::Damaged("something follows its end")),
        }
    }

    fn byte(&mut self) -> Result<u8, BackupError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u32, BackupError> {
        self.array().map(u32::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let bytes = self.bytes(N as u64)?;
        bytes.try_into().map_err(|_| BackupError::Truncated)
    }

    /// So many bytes. Memory is taken as they come: a length that lies takes none.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        self.from.by_ref().take(length).read_to_end(&mut bytes).map_err(BackupError::Input)?;
        if bytes.len() as u64 != length {
            return Err(BackupError::Truncated);
        }
        self.hash.update(&bytes);
        Ok(bytes)
    }
}

/// Rows of one table that are to be written in one transaction.
#[derive(Default)]
struct Batch {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Batch {
    fn write(&mut self, file: &Unnamed, table: Option<Table>) -> Result<(), StoreError> {
        if let Some(table) = table
            && !self.rows.is_empty()
        {
            file.put(table, &self.rows)?;
        }
        *self = Self::default();
        Ok(())
    }
}

/// A store that is being made, in a file that nobody knows yet.
struct Unnamed {
    keyspace: Keyspace,
    file: NamedTempFile,
}

impl Unnamed {
    /// An empty one in the directory of a file, which only its owner may read.
    fn make_beside(path: &Path) -> Result<Self, BackupError> {
        if path.exists() {
            return Err(failed(path, ErrorKind::AlreadyExists.into()));
        }
        let file = NamedTempFile::with_prefix_in(".segno-backup-", directory_of(path));
        let file = file.map_err(|error| failed(path, error))?;
        let storage = file.reopen().map_err(|error| failed(path, error))?;
        let at = At { directory: path, path: file.path() };
        let keyspace = format::begin(Keyspace::create(at, storage)?)?;
        Ok(Self { keyspace, file })
    }

    fn put(&self, table: Table, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        self.keyspace.write(&[], |transaction| {
            rows.iter().for_each(|(key, value)| transaction.put(table, key, value));
            Ok(())
        })
    }

    /// Gives the file its name, when all of it is on disk.
    fn finish(self, path: &Path) -> Result<(), BackupError> {
        let Self { keyspace, file } = self;
        format::prepare(keyspace)?.close(At { directory: directory_of(path), path })?;
        let named = file.as_file().sync_all().and_then(|()| {
            file.persist_noclobber(path)?;
            // On disk is a file only when its directory says so.
            if cfg!(unix) { File::open(directory_of(path))?.sync_all() } else { Ok(()) }
        });
        named.map_err(|error| failed(path, error))
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn failed(path: &Path, error: std::io::Error) -> BackupError {
    BackupError::File { path: path.display().to_string(), error }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use segno_journal::{RunId, Timestamp};
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Committer, Draft, StartKey};

    fn stream() -> Vec<u8> {
        let directory = TempDir::new().expect("a temporary directory");
        let store = Store::open(directory.path()).expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        for number in 0..100 {
            let run = RunId::from_parts(Timestamp(1), number);
            committer.submit(
                Draft::nothing().with_key("w", Some(StartKey::Once(number.to_string())), run),
                |_written| {},
            );
        }
        committer.flush().expect("there is room");
        let mut stream = Vec::new();
        let dumped = store.dump(|bytes| {
            stream.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        dumped.expect("the store can be read");
        stream
    }

    #[test]
    fn a_stream_becomes_a_store_with_the_same_rows() {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("segno.redb");
        let received = Store::receive(&path, stream().as_slice()).expect("it is whole");
        assert_eq!(received.rows, 102, "the keys, the format, and that the indexes are whole");
        let store = Store::open(directory.path()).expect("it is a store");
        let run = RunId::from_parts(Timestamp(1), 7);
        let keys = store.raw_rows("keys").expect("it can be read");
        assert!(keys.contains(&(b"w\x007".to_vec(), run.to_bytes().to_vec())), "{keys:?}");
        drop(store);
        let again = Store::receive(&path, stream().as_slice()).expect_err("it is there");
        assert!(again.to_string().contains("cannot be written"), "{again}");
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_backup_and_leaves_no_file() {
        let good = stream();
        let directory = TempDir::new().expect("a temporary directory");
        let refused = |bytes: &[u8], what: &str| {
            let error = Store::receive(&directory.path().join("backup"), bytes).expect_err(what);
            let left = std::fs::read_dir(directory.path()).expect("it is there").count();
            assert_eq!(left, 0, "{what}: {error}");
        };
        for length in (0..good.len()).step_by(good.len() / 40) {
            refused(&good[..length], "it is cut");
        }
        for at in (0..good.len()).step_by(good.len() / 40) {
            let mut changed = good.clone();
            changed[at] ^= 0x10;
            refused(&changed, "it is changed");
        }
        refused(&[good.as_slice(), &[0]].concat(), "something follows");
    }
}
