//! The tokens of hooks. Each belongs to one hook, and a hook that wants one gets it in the commit in which
//! nobody has it: nothing outside of the store decides that, so it holds for many hosts on one store.
//!
//! A token belongs to its hook as long as the run of that has not ended. So who ends a run frees its tokens,
//! whether or not it knows them; their rows are taken away by the run itself, where it can, and at the next
//! start of a host.

use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::{Claim, Op, RunId};

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::keyspace::Transaction;
use crate::store::records::HookRecord;
use crate::store::tables::Table;

/// A hook that asked for its token, and what it was told.
#[derive(Debug, Clone)]
pub struct Claimed {
    op: Op,
    run: RunId,
    is_answered: bool,
    owner: Owner,
}

/// Whose hook has a token since the commit.
type Owner = Arc<Mutex<Option<(RunId, Op)>>>;

impl Claimed {
    /// The operation that waits to hear whether it has its token, if one does.
    #[must_use]
    pub fn waits(&self) -> Option<Op> {
        self.is_answered.then_some(self.op)
    }

    /// The run whose hook has the token, if that is not this hook.
    #[must_use]
    pub fn taken_by(&self) -> Option<RunId> {
        let owner = *self.owner.lock();
        owner.filter(|owner| *owner != (self.run, self.op)).map(|(run, _op)| run)
    }
}

/// What becomes of a token, as part of a draft.
pub(super) enum TokenChange {
    /// A hook asks for it.
    Wanted {
        /// The token.
        token: String,
        /// The hook.
        record: Box<HookRecord>,
        /// Where it is kept in mind whose it is then.
        owner: Owner,
    },
    /// A hook gives it back, if it has it.
    Freed {
        /// The token.
        token: String,
        /// The run of the hook.
        run: RunId,
        /// The hook.
        op: Op,
    },
}

impl TokenChange {
    /// A hook of a run asks for its token; and what it is told.
    pub(super) fn wanted(run: RunId, claim: &Claim) -> (Self, Claimed) {
        let Claim { op, token, since, metadata, is_answered } = claim;
        let owner = Owner::default();
        let record = Box::new(HookRecord::new(run, *op, *since, metadata.clone()));
        let wanted = Self::Wanted { token: token.clone(), record, owner: Arc::clone(&owner) };
        (wanted, Claimed { op: *op, run, is_answered: *is_answered, owner })
    }

    /// How much room it takes while it waits, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Wanted { token, record, .. } => {
                    let metadata = record.metadata.as_ref().map_or(0, String::len);
                    size_of::<HookRecord>() + token.len() + metadata
                }
                Self::Freed { token, .. } => token.len(),
            }
    }

    /// Gives the hook that asks its token, unless another one has it, and keeps in mind whose it is.
    pub(super) fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        match self {
            Self::Wanted { token, record, owner } => {
                let wanted = (record.run(), record.op);
                let other = taken_from(transaction, wanted, token)?;
                if other.is_none() {
                    transaction.put(Table::Hooks, token.as_bytes(), &codec::encode(&**record));
                }
                *owner.lock() = other.or(Some(wanted));
            }
            Self::Freed { token, run, op } => {
                if of_whom(transaction, token)? == Some((*run, *op)) {
                    transaction.delete(Table::Hooks, token.as_bytes());
                }
            }
        }
        Ok(())
    }
}

/// Which other hook has the token that this one wants, if one does.
pub(super) fn taken_from(
    transaction: &Transaction,
    wanted: (RunId, Op),
    token: &str,
) -> Result<Option<(RunId, Op)>, StoreError> {
    let other = of_whom(transaction, token)?.filter(|there| *there != wanted);
    let is_taken = other.map_or(Ok(false), |(run, _)| is_unfinished(transaction, run))?;
    Ok(other.filter(|_| is_taken))
}

/// Whose hook has a token, or had it until its run ended.
fn of_whom(transaction: &Transaction, token: &str) -> Result<Option<(RunId, Op)>, StoreError> {
    let Some(row) = transaction.get(Table::Hooks, token.as_bytes())? else { return Ok(None) };
    // One that is damaged is nobody's: it must not keep the whole commit from the disk.
    let record = codec::decode::<HookRecord>(Table::Hooks.name(), &row).ok();
    Ok(record.map(|record| (record.run(), record.op)))
}

fn is_unfinished(transaction: &Transaction, run: RunId) -> Result<bool, StoreError> {
    Ok(transaction.get(Table::Unfinished, &run.to_bytes())?.is_some())
}
