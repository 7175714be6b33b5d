//! Large payloads of turns: each is stored once, under its SHA-256, compressed, and as long as a
//! turn refers to it. A loop that is told the same a thousand times takes the room of one.

use std::collections::BTreeMap;

use segno_journal::{Digest, Turn};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::keyspace::Transaction;
use crate::store::tables::Table;

/// From how many bytes on a payload is stored apart from its turn. Hashing, compressing and another
/// row at a random key cost more than they bring where the payload is small and never comes again.
/// Measured with JSON that does not repeat, for a turn: with 2 KiB, 62 µs of processor and 10.7 KB
/// written apart, 59 µs and 11.1 KB within the turn; with 4 KiB 70 µs and 11.3 KB against 51 µs and
/// 10.3 KB; with 8 KiB 83 µs and 12.0 KB against 72 µs and 17.8 KB; with 64 KiB 270 µs and 37 KB
/// against 430 µs and 131 KB.
pub(super) const LARGE: usize = 8 << 10;

/// How many bytes one byte of an LZ4 block stands for at most. A record that says more of itself is
/// damaged, and must not make the host ask for the memory.
const MAX_RATIO: u64 = 255;

/// A payload that is not in the record of its turn: which of the payloads of the turn, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    /// Its position in [`Turn::payloads`].
    pub(super) position: u32,
    /// Its key in the table.
    pub(super) digest: Digest,
}

/// The payloads that a draft refers to.
pub(super) type NewPayloads = BTreeMap<Digest, NewPayload>;

/// A payload that a draft refers to. It may be on disk already.
#[derive(Debug)]
pub(super) struct NewPayload {
    /// How often the draft refers to it.
    references: i64,
    /// What is to be written if it is not on disk.
    pub(super) record: Vec<u8>,
}

/// The record of a turn, and the payloads that it refers to. The turn is whole afterwards.
pub(super) fn encode(turn: &mut Turn) -> (Vec<u8>, NewPayloads) {
    let large = (0..).zip(turn.payloads()).filter(|(_, payload)| payload.size() >= LARGE);
    let taken: Vec<(u32, Vec<u8>)> =
        large.map(|(position, mut payload)| (position, payload.take())).collect();
    let mut payloads = NewPayloads::new();
    let mut references = Vec::with_capacity(taken.len());
    for (position, value) in &taken {
        let digest = digest_of(value);
        let new = || NewPayload { references: 0, record: record_of(value) };
        payloads.entry(digest).or_insert_with(new).references += 1;
        references.push(Reference { position: *position, digest });
    }
    let record = codec::encode(&(references, &*turn));
    put_back(turn, taken);
    (record, payloads)
}

/// Adds the payloads of another turn of the same draft.
pub(super) fn merge(payloads: &mut NewPayloads, others: NewPayloads) {
    for (digest, other) in others {
        let new = NewPayload { references: 0, record: other.record };
        payloads.entry(digest).or_insert(new).references += other.references;
    }
}

fn put_back(turn: &mut Turn, taken: Vec<(u32, Vec<u8>)>) {
    let mut taken = taken.into_iter().peekable();
    for (position, mut payload) in (0..).zip(turn.payloads()) {
        if let Some((_, value)) = taken.next_if(|(taken, _)| *taken == position) {
            payload.put(value).expect("what was text when it was taken is text");
        }
    }
}

/// Puts the payloads of a turn where they belong.
pub(super) fn attach(
    turn: &mut Turn,
    references: &[Reference],
    mut read: impl FnMut(Digest) -> Result<Vec<u8>, StoreError>,
) -> Result<(), StoreError> {
    let mut missing = references.iter().peekable();
    for (position, mut payload) in (0..).zip(turn.payloads()) {
        if let Some(reference) = missing.next_if(|reference| reference.position == position) {
            let put = payload.put(read(reference.digest)?);
            put.map_err(|_not_text| damaged(format!("{} is not text", reference.digest)))?;
        }
    }
    match missing.next() {
        None => Ok(()),
        Some(reference) => {
            let detail = format!("it has no place for payload {}", reference.position);
            Err(codec::damaged(Table::Turns.name(), detail))
        }
    }
}

fn digest_of(value: &[u8]) -> Digest {
    Digest::from_bytes(sha2::Sha256::digest(value).into())
}

fn record_of(value: &[u8]) -> Vec<u8> {
    let mut record = codec::encode(&(value.len() as u64));
    record.extend(lz4_flex::block::compress(value));
    record
}

/// The payload of a record, if it is the one with this digest.
pub(super) fn decode(digest: Digest, record: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |what: &str| damaged(format!("{digest} {what}"));
    let (size, block) = codec::decode_first::<u64>(Table::Payloads.name(), record)?;
    let size = usize::try_from(size).ok().filter(|_| size <= MAX_RATIO * block.len() as u64);
    let size = size.ok_or_else(|| damaged("says that it is larger than it can be"))?;
    let value =
        lz4_flex::block::decompress(block, size).map_err(|error| damaged(&error.to_string()))?;
    if digest_of(&value) != digest {
        return Err(damaged("is not what was written"));
    }
    Ok(value)
}

/// A record of the table of payloads is damaged, and how.
pub(super) fn damaged(detail: String) -> StoreError {
    codec::damaged(Table::Payloads.name(), detail)
}

/// How the references of the turns change in one transaction. What is referred to more than once in
/// it is written once, and what comes and goes in it is not written at all.
#[derive(Default)]
pub(super) struct References<'a>(BTreeMap<Digest, Change<'a>>);

#[derive(Default)]
struct Change<'a> {
    /// How many more references there are than before.
    more: i64,
    record: Option<&'a [u8]>,
}

impl<'a> References<'a> {
    /// Turns refer to these payloads from now on.
    pub(super) fn add(&mut self, payloads: &'a NewPayloads) {
        for (digest, payload) in payloads {
            let change = self.0.entry(*digest).or_default();
            change.more += payload.references;
            change.record = Some(&payload.record);
        }
    }

    /// The turn of this record refers to its payloads no more. Those of a damaged one stay: they
    /// take room, and that is all.
    pub(super) fn release(&mut self, turn: &[u8]) {
        self.count(turn, -1);
    }

    /// The turn of this record, which was there before, refers to its payloads once more.
    pub(super) fn keep(&mut self, turn: &[u8]) {
        self.count(turn, 1);
    }

    fn count(&mut self, turn: &[u8], more: i64) {
        match codec::decode_first::<Vec<Reference>>(Table::Turns.name(), turn) {
            Ok((references, _)) => {
                for reference in references {
                    self.0.entry(reference.digest).or_default().more += more;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a damaged turn comes or goes, but not its payloads")
            }
        }
    }

    /// Brings payloads and counts on disk to where the turns are.
    pub(super) fn settle(self, transaction: &mut Transaction) -> Result<(), StoreError> {
        for (digest, change) in self.0.into_iter().filter(|(_, change)| change.more != 0) {
            let key = digest.to_bytes();
            let before = count(transaction, &key)?;
            let after = before.saturating_add_signed(change.more);
            match (before, after, change.record) {
                (0, 1.., Some(record)) => transaction.put(Table::Payloads, &key, record),
                (1.., 0, _) => transaction.delete(Table::Payloads, &key),
                _ => {}
            }
            match (before, after) {
                (_, 2..) => transaction.put(Table::PayloadCounts, &key, &after.to_le_bytes()),
                (2.., _) => transaction.delete(Table::PayloadCounts, &key),
                _ => {}
            }
        }
        Ok(())
    }
}

/// How often turns refer to a payload.
fn count(transaction: &Transaction, key: &[u8]) -> Result<u64, StoreError> {
    if let Some(count) = transaction.get(Table::PayloadCounts, key)? {
        let bytes = <[u8; 8]>::try_from(&*count);
        let bytes = bytes.map_err(|_| {
            codec::damaged(Table::PayloadCounts.name(), "it is not a number".into())
        })?;
        return Ok(u64::from_le_bytes(bytes));
    }
    Ok(transaction.get(Table::Payloads, key)?.is_some().into())
}

#[cfg(test)]
mod tests;
