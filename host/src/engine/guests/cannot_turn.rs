//! Why a run cannot have its turn.

use segno_journal::{BlockKind, Blocked, Digest};

use crate::engine::error::LoadError;
use crate::sandbox::{ModuleError, NoGuest};
use crate::store::StoreError;

/// Why a run cannot have its turn.
#[derive(Debug)]
pub(crate) enum CannotTurn {
    /// It has to be blocked.
    Blocked(Blocked),
    /// There is no room for its guest now, or none to compile its module, which is no fault of the run.
    NoRoom(String),
    /// Its journal cannot be read, or the store is in trouble.
    Store(StoreError),
}

/// What becomes of a run that cannot have its turn.
pub(crate) enum Fate {
    /// It is blocked, for this reason.
    Block(Blocked),
    /// It has its turn later.
    Wait,
    /// The host is in trouble, not the run.
    Trouble(StoreError),
}

impl CannotTurn {
    /// Its module cannot be had.
    pub(crate) fn no_module(error: &LoadError) -> Self {
        if let LoadError::Refused { source: ModuleError::NoCompiler { .. }, .. } = error {
            return Self::NoRoom(error.to_string());
        }
        Self::Blocked(Blocked { kind: BlockKind::Module, message: error.to_string() })
    }

    /// Its module does not have its workflow.
    pub(crate) fn no_workflow(module: Digest, workflow: &str) -> Self {
        let message = format!("module {module} has no workflow `{workflow}`");
        Self::Blocked(Blocked { kind: BlockKind::Divergence, message })
    }

    /// What becomes of the run.
    pub(crate) fn fate(self) -> Fate {
        match self {
            Self::Blocked(blocked) => Fate::Block(blocked),
            Self::NoRoom(_) => Fate::Wait,
            Self::Store(error @ StoreError::Record { .. }) => {
                Fate::Block(Blocked { kind: BlockKind::Journal, message: error.to_string() })
            }
            Self::Store(error) => Fate::Trouble(error),
        }
    }
}

impl From<Blocked> for CannotTurn {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<StoreError> for CannotTurn {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NoGuest> for CannotTurn {
    fn from(no_guest: NoGuest) -> Self {
        match no_guest {
            NoGuest::Stopped(blocked) => Self::Blocked(blocked),
            NoGuest::NoRoom(message) => Self::NoRoom(message),
        }
    }
}
