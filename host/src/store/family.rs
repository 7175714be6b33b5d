//! What runs want to know of others of their family.

use segno_journal::{ChildEnd, RunId, Verdict};

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::records::Standing;
use crate::store::tables::Table;

impl Store {
    /// How a run has ended, if it has; as its parent is to hear of it. What cannot be read, because it is
    /// damaged or gone, is a failure that says so: a parent must not wait for it for ever.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn child_end(&self, run: RunId) -> Result<Option<ChildEnd>, StoreError> {
        match self.read_child_end(run) {
            Err(damage @ StoreError::Record { .. }) => {
                Ok(Some(ChildEnd::Failed(format!("how it ended cannot be read: {damage}"))))
            }
            end => end,
        }
    }

    fn read_child_end(&self, run: RunId) -> Result<Option<ChildEnd>, StoreError> {
        let Some(record) = self.run(run)? else {
            return Ok(Some(ChildEnd::Failed("there is no such run any more".to_owned())));
        };
        match record.standing {
            Standing::Running | Standing::Blocked(_) => Ok(None),
            Standing::Cancelled(_) => Ok(Some(ChildEnd::Cancelled)),
            Standing::Completed(_) | Standing::Failed(_) => {
                let last = self.last_turn(run)?.map(|turn| turn.verdict);
                Ok(Some(match last {
                    Some(Verdict::Completed(output)) => ChildEnd::Completed(output),
                    Some(Verdict::Failed(error)) => ChildEnd::Failed(error),
                    Some(Verdict::Waiting | Verdict::Cancelled) | None => {
                        ChildEnd::Failed("its last turn is missing".to_owned())
                    }
                }))
            }
        }
    }

    /// Whether a run has not ended.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn is_unfinished(&self, run: RunId) -> Result<bool, StoreError> {
        Ok(self.moment()?.get(Table::Unfinished, &run.to_bytes())?.is_some())
    }
}
