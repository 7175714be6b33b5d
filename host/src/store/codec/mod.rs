//! The envelope of every record: a version, a key ID, then the record itself.
//!
//! The version is a byte; 1 is the only one so far. The key ID says which key the rest is encrypted
//! with, as a variable-length integer; 0 is plaintext, and the only one so far. The record is in
//! postcard's wire format, which is specified and stable: enums by the position of the variant,
//! integers of variable length, no field names.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::tables::Table;

/// The version that this code writes.
const VERSION: u8 = 1;

/// The key ID of plaintext.
const PLAINTEXT: u32 = 0;

/// A record in its envelope.
pub(crate) fn encode(record: &impl Serialize) -> Vec<u8> {
    let envelope = vec![VERSION, 0];
    debug_assert_eq!(PLAINTEXT, 0, "key 0 is one byte, which stands in the envelope already");
    postcard::to_extend(record, envelope).expect(
        "records hold only what postcard can write: no maps of unknown length, no untagged values",
    )
}

/// Bytes that are no record, in the same envelope.
pub(crate) fn encode_bytes(bytes: &[u8]) -> Vec<u8> {
    [&[VERSION, 0], bytes].concat()
}

/// The record in an envelope.
pub(crate) fn decode<R: DeserializeOwned>(table: &str, bytes: &[u8]) -> Result<R, StoreError> {
    match decode_first(table, bytes)? {
        (record, []) => Ok(record),
        (_, extra) => Err(damaged(table, format!("{} bytes follow its end", extra.len()))),
    }
}

/// The record that stands first in an envelope, and the bytes after it.
pub(crate) fn decode_first<'a, R: Deserialize<'a>>(
    table: &str,
    bytes: &'a [u8],
) -> Result<(R, &'a [u8]), StoreError> {
    let rest = decode_bytes(table, bytes)?;
    postcard::take_from_bytes(rest).map_err(|error| damaged(table, error.to_string()))
}

/// What stands in an envelope.
pub(crate) fn decode_bytes<'a>(table: &str, bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let damaged = |detail: String| damaged(table, detail);
    let (version, rest) = bytes.split_first().ok_or_else(|| damaged("it is empty".into()))?;
    if *version != VERSION {
        return Err(damaged(format!(
            "it has version {version}, but this host reads version {VERSION}"
        )));
    }
    let (key, rest) = postcard::take_from_bytes::<u32>(rest)
        .map_err(|error| damaged(format!("its key ID: {error}")))?;
    if key != PLAINTEXT {
        return Err(damaged(format!(
            "it is encrypted with key {key}, which this host does not have"
        )));
    }
    Ok(rest)
}

/// A record of this table is damaged, and how.
pub(crate) fn damaged(table: &str, detail: String) -> StoreError {
    StoreError::Record { table: table.to_owned(), detail }
}

/// A key of this table is damaged.
pub(crate) fn bad_key(table: Table) -> StoreError {
    damaged(table.name(), "its key is damaged".into())
}

/// The number in a key of something that a run has many of.
pub(crate) fn number(table: Table, key: &[u8]) -> Result<u64, StoreError> {
    keys::split_numbered(key).map(|(_, number)| number).ok_or_else(|| bad_key(table))
}

#[cfg(test)]
pub(in crate::store) mod tests;
