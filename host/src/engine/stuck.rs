//! Why a run cannot have its turn.

use segno_journal::{BlockKind, Blocked};

use crate::engine::modules::LoadError;
use crate::store::StoreError;

/// Why a run cannot have its turn.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// It has to be parked.
    Blocked(Blocked),
    /// There is no room for its guest.
    NoRoom(String),
    /// Its journal cannot be read, or the store is in trouble.
    Store(StoreError),
}

impl Stuck {
    /// Its module cannot be had.
    pub(crate) fn no_module(error: &LoadError) -> Self {
        Self::Blocked(Blocked { kind: BlockKind::Module, message: error.to_string() })
    }

    /// Why the run has to be parked; or what the trouble is, if it is the host's.
    pub(crate) fn into_blocked(self) -> Result<Blocked, StoreError> {
        match self {
            Self::Blocked(blocked) => Ok(blocked),
            Self::NoRoom(message) => Ok(Blocked { kind: BlockKind::Limit, message }),
            Self::Store(error @ StoreError::Record { .. }) => {
                Ok(Blocked { kind: BlockKind::Journal, message: error.to_string() })
            }
            Self::Store(error) => Err(error),
        }
    }
}

impl From<Blocked> for Stuck {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
