//! A segment of the log: a file that is written from its beginning to its end, and then again.
//!
//! Room is written with zeros before it is used, so that a batch changes no length and no map of the file:
//! its sync then waits for its own bytes and for nothing else. Once it has grown, a segment keeps its room.

use redb::StorageBackend as _;

use crate::store::error::StoreError;
use crate::store::keyspace::disk::direct::{BLOCK, aligned};
use crate::store::keyspace::disk::layer::BatchNumber;
use crate::store::keyspace::disk::log::record::{self, Beginning, HEADER, Header, LogId};
use crate::store::keyspace::disk::watched::{Failure, Watched};

/// How many segments a log has.
pub(in crate::store::keyspace::disk) const SEGMENTS: usize = 2;

/// How much room is made at once, in bytes.
const STEP: u64 = 1 << 20;

/// How much is read at once where batches are looked for, in bytes.
const CHUNK: usize = 256 << 10;

/// A segment that batches are appended to.
pub(super) struct Segment {
    file: Watched,
    /// Where the next batch begins.
    end: u64,
    /// How far the room goes.
    room: u64,
    /// How much room is made at once.
    step: u64,
}

/// A batch that was found.
pub(super) struct Found {
    pub(super) number: BatchNumber,
    /// Where it ends.
    end: u64,
    /// Header and rows.
    bytes: Vec<u8>,
}

/// What stands in a segment of a batch, and of those behind it.
pub(super) struct Behind {
    /// It begins there.
    pub(super) has_it: bool,
    /// A later one is there, and is whole.
    pub(super) later: Option<BatchNumber>,
}

impl Found {
    /// Its rows, as they stand in the log.
    pub(super) fn rows(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }
}

impl Segment {
    /// A segment that is full after so many bytes.
    pub(super) fn open(file: Watched, full_at: u64) -> Result<Self, StoreError> {
        let room = file.len().map_err(Failure::told)?;
        let step = full_at.clamp(BLOCK as u64, STEP).next_multiple_of(BLOCK as u64);
        Ok(Self { file, end: BLOCK as u64, room, step })
    }

    /// Makes it the empty segment of a log.
    pub(super) fn format(&mut self, id: LogId) -> Result<(), StoreError> {
        let mut block = Vec::new();
        let start = aligned(&mut block, BLOCK);
        block.extend_from_slice(&record::beginning(id));
        self.end = 0;
        self.append(&block[start..])
    }

    /// What it says that it is.
    pub(super) fn beginning(&self) -> Result<Beginning, StoreError> {
        let mut block = [0; BLOCK];
        if self.room < BLOCK as u64 {
            return Ok(Beginning::Unknown);
        }
        self.file.read(0, &mut block).map_err(Failure::told)?;
        Ok(record::read_beginning(&block))
    }

    /// Whether nothing was ever written to it.
    pub(super) fn is_blank(&self) -> bool {
        self.room == 0
    }

    /// Whether no batch was written to it yet, since it was begun.
    pub(super) fn is_empty(&self) -> bool {
        self.end <= BLOCK as u64
    }

    /// Where the next batch begins.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Appends what ends with a block, and waits until it is on the disk.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let end = self.end + bytes.len() as u64;
        if end > self.room {
            self.make_room(end)?;
        }
        self.file.write(self.end, bytes).map_err(Failure::told)?;
        self.file.sync_data().map_err(Failure::told)?;
        self.end = end;
        Ok(())
    }

    /// Makes room for what ends here and some more, which is written with zeros.
    fn make_room(&mut self, end: u64) -> Result<(), StoreError> {
        let room = end.next_multiple_of(self.step);
        self.file.set_len(room).map_err(Failure::told)?;
        if room > end {
            let length = (room - end) as usize;
            let mut zeros = Vec::new();
            let start = aligned(&mut zeros, length);
            zeros.resize(start + length, 0);
            self.file.write(end, &zeros[start..]).map_err(Failure::told)?;
        }
        self.room = room;
        Ok(())
    }

    /// Begins again from its beginning. What is in it is needed no more. Room that one large batch has
    /// taken is given back, but for this much.
    pub(super) fn begin_again(&mut self, most_room: u64) -> Result<(), StoreError> {
        let block = BLOCK as u64;
        let most_room = (most_room / block * block).max(2 * block);
        if self.room > most_room {
            self.file.set_len(most_room).map_err(Failure::told)?;
            self.room = most_room;
        }
        self.end = block;
        Ok(())
    }

    /// Goes on behind this batch.
    pub(super) fn go_on_behind(&mut self, last: &Found) {
        self.end = last.end;
    }

    /// Waits until the disk has all that was written to it, by an earlier host, too.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(Failure::told)
    }

    /// The batch that begins here, if one does and is whole.
    pub(super) fn batch_at(&self, id: LogId, at: u64) -> Result<Option<Found>, StoreError> {
        let mut block = [0; BLOCK];
        if at + BLOCK as u64 > self.room {
            return Ok(None);
        }
        self.file.read(at, &mut block).map_err(Failure::told)?;
        let Some(header) = Header::read(id, &block) else { return Ok(None) };
        let end = at + header.size();
        if end > self.room {
            return Ok(None);
        }
        let mut bytes = vec![0; HEADER + header.length as usize];
        self.file.read(at, &mut bytes).map_err(Failure::told)?;
        let found = Found { number: header.number, end, bytes };
        Ok(header.is_of(id, &found.bytes).then_some(found))
    }

    /// The batches from the beginning on, as far as each follows the one before.
    pub(super) fn visit(
        &self,
        id: LogId,
        mut visit: impl FnMut(Found) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut at = BLOCK as u64;
        let mut next = None;
        while let Some(found) = self.batch_at(id, at)? {
            // What stood there before comes to light again behind the last batch.
            if next.is_some_and(|next| next != found.number) {
                break;
            }
            (at, next) = (found.end, Some(found.number + 1));
            visit(found)?;
        }
        Ok(())
    }

    /// What stands anywhere in the segment of this batch and of those behind it.
    pub(super) fn behind(&self, id: LogId, number: BatchNumber) -> Result<Behind, StoreError> {
        let mut has_it = false;
        let later = self.find(|at, block| match Header::read(id, block) {
            Some(header) if header.number > number => {
                Ok(self.batch_at(id, at)?.map(|found| found.number))
            }
            header => {
                has_it |= header.is_some_and(|header| header.number == number);
                Ok(None)
            }
        })?;
        Ok(Behind { has_it, later })
    }

    /// Whether anything in it looks as a batch does, of whatever log.
    pub(super) fn has_batches(&self) -> Result<bool, StoreError> {
        let found = self.find(|_at, block| Ok(record::begins_batch(block).then_some(())));
        found.map(|found| found.is_some())
    }

    /// The first thing that is found in a block behind the first: given where that lies, and what is in it.
    fn find<T>(
        &self,
        mut find: impl FnMut(u64, &[u8]) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut chunk = vec![0; CHUNK];
        let mut at = BLOCK as u64;
        while at + BLOCK as u64 <= self.room {
            let length = (self.room - at).min(CHUNK as u64) as usize / BLOCK * BLOCK;
            self.file.read(at, &mut chunk[..length]).map_err(Failure::told)?;
            for (index, block) in chunk[..length].chunks(BLOCK).enumerate() {
                if let Some(found) = find(at + (index * BLOCK) as u64, block)? {
                    return Ok(Some(found));
                }
            }
            at += length as u64;
        }
        Ok(None)
    }
}
