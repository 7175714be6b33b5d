//! Which format a store has: a new one gets that of this version, and no other is read.

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::keyspace::{Keyspace, Moment};
use crate::store::tables::Table;

/// The format that this version writes.
const FORMAT: u32 = 1;

const KEY: &[u8] = b"format";

/// Gives a new store its format, and checks that of an old one.
///
/// # Errors
///
/// It is from a newer version, or cannot be read.
pub(super) fn prepare(keyspace: Keyspace) -> Result<Keyspace, StoreError> {
    if keyspace.is_new()? {
        keyspace.write(&[], |transaction| {
            transaction.put(Table::Meta, KEY, &FORMAT.to_le_bytes());
            Ok(())
        })?;
        return Ok(keyspace);
    }
    match of(&keyspace.moment()?)? {
        FORMAT => Ok(keyspace),
        found => Err(StoreError::Newer { found, known: FORMAT }),
    }
}

fn of(moment: &Moment) -> Result<u32, StoreError> {
    let value = moment.get(Table::Meta, KEY)?;
    let bytes = value.and_then(|value| <[u8; 4]>::try_from(&*value).ok());
    let missing = || codec::damaged(Table::Meta.name(), "it does not say its format".into());
    bytes.map(u32::from_le_bytes).ok_or_else(missing)
}
