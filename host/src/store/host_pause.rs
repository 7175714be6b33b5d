//! That the host is paused: a row of the store, which also the next host heeds.

use segno_journal::{Timestamp, grows};

use crate::store::codec;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::tables::{PAUSED_KEY, Table};

/// Since when a host is paused, and who wanted that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPause {
    /// Since then.
    pub at: Timestamp,
    /// Who.
    pub by: Option<String>,
}

grows!(HostPause { at, by });

impl Draft<()> {
    /// The host is paused from now on; or no more, where nothing is said.
    pub fn host_paused(pause: Option<&HostPause>) -> Self {
        let mut draft = Self::nothing();
        match pause {
            Some(pause) => draft.rows.put(Table::Meta, PAUSED_KEY, codec::encode(pause)),
            None => draft.rows.delete(Table::Meta, PAUSED_KEY),
        }
        draft
    }
}

impl Store {
    /// Since when the host is paused, if it is. A damaged row says that it is, and not since when: nothing goes on that
    /// somebody may have held up.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn host_pause(&self) -> Result<Option<HostPause>, StoreError> {
        match self.record(Table::Meta, PAUSED_KEY) {
            Err(StoreError::Record { .. }) => Ok(Some(HostPause { at: Timestamp(0), by: None })),
            pause => pause,
        }
    }
}
