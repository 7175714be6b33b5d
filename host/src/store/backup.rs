//! A store as a stream of bytes: all rows of one moment, while the host goes on writing.
//!
//! A stream is its head, rows, and its end. Numbers are little-endian.
//!
//! - head: [`MAGIC`], then the version of the stream, a `u32`;
//! - before the rows of a table: a byte 1, the length of the table's name, a `u32`, and the name;
//! - a row: a byte 2, the lengths of key and value, a `u32` each, then both;
//! - end: a byte 3, the number of rows, a `u64`, and the SHA-256 of all that came before the hash.
//!
//! What stops before its end is no backup, and a copy of the file under load is none either.

use std::ops::ControlFlow;

use sha2::{Digest as _, Sha256};

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keyspace::Moment;
use crate::store::tables::Table;

/// How a stream begins.
pub(super) const MAGIC: &[u8] = b"segno backup\n";

/// The version of the stream that this host writes and reads.
pub(super) const VERSION: u32 = 1;

/// The byte before a table.
pub(super) const TABLE: u8 = 1;
/// The byte before a row.
pub(super) const ROW: u8 = 2;
/// The byte before the end.
pub(super) const END: u8 = 3;

impl Store {
    /// Gives the store as it is at this moment as a stream, piece by piece, until `take` has enough.
    /// Commits go on meanwhile, but the room of what they free is not used again until this is over.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The stream has no end then.
    pub fn dump(&self, take: impl FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let mut stream = Stream { take, hash: Sha256::new(), rows: 0 };
        let written = stream.write(&moment);
        match written {
            Ok(()) | Err(Stop::Enough) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

/// Why a stream was not written to its end.
enum Stop {
    Enough,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A stream that is being written.
struct Stream<F> {
    take: F,
    hash: Sha256,
    rows: u64,
}

impl<F: FnMut(&[u8]) -> ControlFlow<()>> Stream<F> {
    fn write(&mut self, moment: &Moment) -> Result<(), Stop> {
        self.put(MAGIC)?;
        self.put(&VERSION.to_le_bytes())?;
        for table in Table::ALL {
            self.table(moment, table)?;
        }
        self.put(&[END])?;
        self.put(&self.rows.to_le_bytes())?;
        let hash = std::mem::take(&mut self.hash).finalize();
        self.put(&hash)
    }

    fn table(&mut self, moment: &Moment, table: Table) -> Result<(), Stop> {
        let rows = moment.rows(table)?;
        self.put(&[TABLE])?;
        self.put(&length(table.name().as_bytes())?)?;
        self.put(table.name().as_bytes())?;
        for row in rows {
            let row = row?;
            self.put(&[ROW])?;
            self.put(&length(row.key())?)?;
            self.put(&length(row.value())?)?;
            self.put(row.key())?;
            self.put(row.value())?;
            self.rows += 1;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.hash.update(bytes);
        if (self.take)(bytes).is_break() { Err(Stop::Enough) } else { Ok(()) }
    }
}

fn length(bytes: &[u8]) -> Result<[u8; 4], StoreError> {
    let length = u32::try_from(bytes.len());
    let too_large =
        |_| StoreError::Record { table: "any".into(), detail: "it has more than 4 GiB".into() };
    length.map(u32::to_le_bytes).map_err(too_large)
}
