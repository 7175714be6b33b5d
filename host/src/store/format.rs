//! Which format a store has: a new one gets that of this version, and no other is read.

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::index;
use crate::store::keyspace::{Keyspace, Moment, Transaction};
use crate::store::tables::Table;

/// The format that this version writes.
const FORMAT: u32 = 1;

const KEY: &[u8] = b"format";

/// Gives a new store its format, checks that of an old one, and gives that the indexes which it lacks.
///
/// # Errors
///
/// It is from a newer version, or cannot be read.
pub(super) fn prepare(keyspace: Keyspace) -> Result<Keyspace, StoreError> {
    if keyspace.is_new()? {
        keyspace.write(&[], |transaction| {
            put(transaction);
            index::whole(transaction);
            Ok(())
        })?;
        return Ok(keyspace);
    }
    let keyspace = check(keyspace)?;
    index::prepare(&keyspace)?;
    Ok(keyspace)
}

/// Gives a store its format that is to be filled with the rows of another one. Whether these have indexes is for
/// [`prepare`] to see, once they are there.
///
/// # Errors
///
/// It cannot be written.
pub(super) fn begin(keyspace: Keyspace) -> Result<Keyspace, StoreError> {
    keyspace.write(&[], |transaction| {
        put(transaction);
        Ok(())
    })?;
    Ok(keyspace)
}

fn put(transaction: &mut Transaction) {
    transaction.put(Table::Meta, KEY, &FORMAT.to_le_bytes());
}

/// Checks the format of a store.
///
/// # Errors
///
/// As [`prepare`].
pub(super) fn check(keyspace: Keyspace) -> Result<Keyspace, StoreError> {
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
