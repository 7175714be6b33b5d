//! How a batch stands in the log.
//!
//! A segment begins with a block of 4 KiB that says what it is: [`MAGIC`], the version, a `u32`, which log it
//! belongs to, 16 bytes, and a checksum of all that, a `u32`. Batches follow, each from the beginning of
//! a block on: [`BATCH`], the number of the batch, a `u64`, the length of its rows, a `u32`, their
//! checksum and that of what came before it, a `u32` each, and the rows; zeros up to the end of the last block. A row is the number of its
//! table, a byte, the lengths of key and value, a `u32` each, and both; of one that was taken away the
//! length is [`GONE`]. Numbers are little-endian.
//!
//! The checksums of a batch are over which log it is, too. No guest knows what that is, so what one puts
//! into a batch is not taken for a batch itself, but by a chance of one in four billions.

use crate::store::error::StoreError;
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::base::NewRow;
use crate::store::keyspace::disk::direct::{BLOCK, aligned};
use crate::store::keyspace::disk::layer::BatchNumber;
use crate::store::tables::Table;

/// How a segment begins.
const MAGIC: &[u8; 10] = b"segno log\n";

/// The version that is written here.
pub(super) const VERSION: u32 = 1;

/// How a batch begins.
const BATCH: [u8; 4] = *b"bat\n";

/// The length of a value that was taken away.
const GONE: u32 = u32::MAX;

/// What stands before the rows of a batch, in bytes.
pub(super) const HEADER: usize = 24;

/// What stands before key and value of a row, in bytes.
const ROW: usize = 9;

/// Which log it is: drawn when it is made.
pub(in crate::store::keyspace::disk) type LogId = [u8; 16];

/// What the first block of a segment says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It is a segment of this log.
    Of(LogId),
    /// It was written by a newer version.
    Newer(u32),
    /// Nothing that could be read.
    Unknown,
}

/// The first block of a segment.
pub(super) fn beginning(id: LogId) -> [u8; BLOCK] {
    let mut sector = [0; BLOCK];
    sector[..10].copy_from_slice(MAGIC);
    sector[10..14].copy_from_slice(&VERSION.to_le_bytes());
    sector[14..30].copy_from_slice(&id);
    let checksum = crc32fast::hash(&sector[..30]);
    sector[30..34].copy_from_slice(&checksum.to_le_bytes());
    sector
}

/// What the first block of a segment says.
pub(super) fn read_beginning(sector: &[u8; BLOCK]) -> Beginning {
    let checksum = crc32fast::hash(&sector[..30]).to_le_bytes();
    if sector[..10] != *MAGIC || sector[30..34] != checksum {
        return Beginning::Unknown;
    }
    match u32_at(sector, 10) {
        VERSION => Beginning::Of(sector[14..30].try_into().unwrap_or_default()),
        newer => Beginning::Newer(newer),
    }
}

/// Writes a batch into a buffer, up to the end of a block; gives where in the buffer it begins.
///
/// # Errors
///
/// It has more than 4 GiB.
pub(super) fn write(
    buffer: &mut Vec<u8>,
    id: LogId,
    number: BatchNumber,
    changes: &Changes,
) -> Result<usize, StoreError> {
    let of_row = |(_, key, value): NewRow<'_>| ROW + key.len() + value.map_or(0, <[u8]>::len);
    let size = HEADER + changes.rows().map(of_row).sum::<usize>();
    let start = aligned(buffer, size.next_multiple_of(BLOCK));
    buffer.resize(start + HEADER, 0);
    for (table, key, value) in changes.rows() {
        buffer.push(table as u8);
        buffer.extend_from_slice(&length(table, key)?.to_le_bytes());
        let of_value = value.map_or(Ok(GONE), |value| length(table, value))?;
        buffer.extend_from_slice(&of_value.to_le_bytes());
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(value.unwrap_or_default());
    }
    buffer.resize(start + size.next_multiple_of(BLOCK), 0);
    let (header, rows) = buffer[start..start + size].split_at_mut(HEADER);
    header[..4].copy_from_slice(&BATCH);
    header[4..12].copy_from_slice(&number.to_le_bytes());
    header[12..16].copy_from_slice(&length(Table::Meta, rows)?.to_le_bytes());
    header[16..20].copy_from_slice(&checksum(id, rows).to_le_bytes());
    let of_header = checksum(id, &header[4..20]);
    header[20..24].copy_from_slice(&of_header.to_le_bytes());
    Ok(start)
}

/// Whether a block begins as batches do, of whatever log.
pub(super) fn begins_batch(block: &[u8]) -> bool {
    block.len() >= HEADER && block[..4] == BATCH
}

/// What stands before the rows of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    checksum: u32,
    /// The number of the batch.
    pub(super) number: BatchNumber,
    /// How many bytes of rows follow.
    pub(super) length: u32,
}

impl Header {
    /// The header that a block begins with, if one of this log does.
    pub(super) fn read(id: LogId, block: &[u8]) -> Option<Self> {
        if !begins_batch(block) || checksum(id, &block[4..20]) != u32_at(block, 20) {
            return None;
        }
        let (length, checksum) = (u32_at(block, 12), u32_at(block, 16));
        let number = BatchNumber::from_le_bytes(block[4..12].try_into().ok()?);
        Some(Self { checksum, number, length })
    }

    /// How much room the batch takes, in bytes.
    pub(super) fn size(self) -> u64 {
        (HEADER as u64 + u64::from(self.length)).next_multiple_of(BLOCK as u64)
    }

    /// Whether this is the batch of the header, header and rows and no more.
    pub(super) fn is_of(self, id: LogId, batch: &[u8]) -> bool {
        batch.len() == HEADER + self.length as usize
            && checksum(id, &batch[HEADER..]) == self.checksum
    }
}

/// The rows of a batch.
///
/// # Errors
///
/// A row cannot be read, though the checksum of its batch is right: a newer version wrote it.
pub(super) fn rows(mut rows: &[u8]) -> impl Iterator<Item = Result<NewRow<'_>, Unknown>> {
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        let row = first_row(&mut rows).ok_or(Unknown);
        if row.is_err() {
            rows = &[];
        }
        Some(row)
    })
}

/// A row that is not known here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown;

fn first_row<'a>(rows: &mut &'a [u8]) -> Option<NewRow<'a>> {
    let (head, rest) = rows.split_first_chunk::<ROW>()?;
    let table = Table::ALL.into_iter().find(|table| *table as u8 == head[0])?;
    let (key, rest) = rest.split_at_checked(u32_at(head, 1) as usize)?;
    let (value, rest) = match u32_at(head, 5) {
        GONE => (None, rest),
        length => {
            let (value, rest) = rest.split_at_checked(length as usize)?;
            (Some(value), rest)
        }
    };
    *rows = rest;
    Some((table, key, value))
}

fn checksum(id: LogId, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id);
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

fn length(table: Table, bytes: &[u8]) -> Result<u32, StoreError> {
    let too_large = || StoreError::Record {
        table: table.name().into(),
        detail: "what is to be written at once has more than 4 GiB".into(),
    };
    u32::try_from(bytes.len()).ok().filter(|length| *length != GONE).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::codec::tests::golden;

    const ID: LogId = *b"which log it is!";

    fn changes(rows: &[NewRow<'_>]) -> Changes {
        let mut changes = Changes::default();
        for (table, key, value) in rows {
            changes.set(*table, key, *value);
        }
        changes
    }

    fn written(rows: &[NewRow<'_>]) -> Vec<u8> {
        let mut buffer = Vec::new();
        let start = write(&mut buffer, ID, 7, &changes(rows)).expect("it is small");
        buffer.split_off(start)
    }

    fn read(buffer: &[u8]) -> Option<Vec<NewRow<'_>>> {
        let header = Header::read(ID, buffer)?;
        let batch = buffer.get(..HEADER + header.length as usize)?;
        header.is_of(ID, batch).then_some(())?;
        Some(rows(&batch[HEADER..]).map(|row| row.expect("it is known")).collect())
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let large = vec![7; 2_000];
        let rows: [NewRow<'_>; 4] = [
            (Table::Meta, b"a", Some(b"1")),
            (Table::Meta, b"b", None),
            (Table::Turns, b"", Some(b"")),
            (Table::Workflows, b"c", Some(&large)),
        ];
        let buffer = written(&rows);
        assert_eq!(buffer.len() % BLOCK, 0);
        assert_eq!(Header::read(ID, &buffer).expect("it has one").size(), buffer.len() as u64);
        assert_eq!(read(&buffer), Some(rows.to_vec()));
    }

    /// A host may find what an older version has left in the log.
    #[test]
    fn a_segment_and_a_batch_are_written_as_the_first_release_did() {
        let last = Table::ALL[Table::ALL.len() - 1];
        assert_eq!(last as usize, 34, "a new table comes last, and is written here from then on");
        let batch_with = |table: Table| {
            let mut batch =
                written(&[(Table::Meta, b"key", Some(b"value")), (table, b"gone", None)]);
            batch.truncate(HEADER + Header::read(ID, &batch).expect("it has one").length as usize);
            batch
        };
        for (name, written) in [
            ("log-batch", &batch_with(Table::Workflows)[..]),
            ("log-batch-of-hooks", &batch_with(Table::Hooks)),
            ("log-batch-of-heartbeats", &batch_with(Table::Heartbeats)),
            ("log-batch-of-what-is-shown", &batch_with(Table::Published)),
            ("log-batch-of-a-family", &batch_with(Table::Family)),
            ("log-batch-of-streams", &batch_with(Table::Streams)),
            ("log-batch-of-chunks", &batch_with(Table::Chunks)),
            ("log-batch-of-end-calls", &batch_with(Table::EndCalls)),
            ("log-batch-of-batches", &batch_with(Table::Batches)),
            ("log-batch-of-posted-signals", &batch_with(Table::Posted)),
            ("log-batch-of-standings", &batch_with(Table::Standings)),
            ("log-batch-of-counts", &batch_with(Table::Counts)),
            ("log-batch-of-attributes", &batch_with(Table::Attributes)),
            ("log-batch-of-their-index", &batch_with(Table::AttributeIndex)),
            ("log-batch-of-set-aside", &batch_with(Table::SetAside)),
            ("log-batch-of-what-is-deleted", &batch_with(Table::Deleting)),
            ("log-batch-of-jobs", &batch_with(Table::Jobs)),
            ("log-batch-of-refusals", &batch_with(Table::JobRefusals)),
            ("log-beginning", &beginning(ID)[..34]),
        ] {
            let golden = golden(name, written);
            assert_eq!(hex::encode(written), hex::encode(golden), "{name}");
        }
    }

    #[test]
    fn a_batch_with_any_other_bit_is_none() {
        let whole = written(&[(Table::Runs, b"key", Some(b"value")), (Table::Turns, b"k", None)]);
        let length = HEADER + Header::read(ID, &whole).expect("it has one").length as usize;
        for bit in 0..8 * length {
            let mut torn = whole.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&torn), None, "bit {bit}");
        }
    }

    #[test]
    fn a_batch_of_another_log_is_none() {
        let whole = written(&[(Table::Runs, b"key", Some(b"value"))]);
        let header = Header::read(ID, &whole).expect("it has one");
        let batch = &whole[..HEADER + header.length as usize];
        assert!(header.is_of(ID, batch) && !header.is_of([0; 16], batch));
        assert!(Header::read([0; 16], &whole).is_none());
    }

    #[test]
    fn rows_that_are_not_known_are_told_once() {
        for unknown in
            [&[200, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 9, 0], &[1, 9, 0, 0, 0, 0, 0, 0, 0]]
        {
            assert_eq!(rows(unknown).collect::<Vec<_>>(), [Err(Unknown)]);
        }
    }

    #[test]
    fn a_segment_says_which_log_it_belongs_to() {
        let sector = beginning(ID);
        assert_eq!(read_beginning(&sector), Beginning::Of(ID));
        for at in 0..34 {
            let mut other = sector;
            other[at] ^= 1;
            assert_eq!(read_beginning(&other), Beginning::Unknown, "byte {at}");
        }
        assert_eq!(read_beginning(&[0; BLOCK]), Beginning::Unknown);
        let mut newer = sector;
        newer[10] = 2;
        let checksum = crc32fast::hash(&newer[..30]);
        newer[30..34].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(read_beginning(&newer), Beginning::Newer(2));
    }
}
