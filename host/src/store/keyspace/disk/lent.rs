//! Bytes and rows, as they are lent to who reads: from a page, or from memory.

use std::ops::Deref;

use crate::store::keyspace::changes::Shared;
use crate::store::keyspace::disk::base;

/// Bytes that are lent by a moment or a transaction.
pub(in crate::store) enum Value<'a> {
    /// They lie on a page.
    Page(base::Value<'a>),
    /// They are in memory.
    Shared(Shared),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Page(value) => value.value(),
            Self::Shared(value) => value,
        }
    }
}

/// A row: a key and its value, as a moment lends them.
pub(in crate::store) enum Row<'a> {
    /// It lies on a page.
    Page(base::Row<'a>),
    /// It is in memory.
    Shared(Shared, Shared),
}

impl Row<'_> {
    #[inline]
    pub(in crate::store) fn key(&self) -> &[u8] {
        match self {
            Self::Page((key, _)) => key.value(),
            Self::Shared(key, _) => key,
        }
    }

    #[inline]
    pub(in crate::store) fn value(&self) -> &[u8] {
        match self {
            Self::Page((_, value)) => value.value(),
            Self::Shared(_, value) => value,
        }
    }
}
