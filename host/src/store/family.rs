//! What runs have to know of others of their family: how a child has ended, which of them are to be cancelled,
//! and which signals between them have come.

use segno_journal::{ChildEnd, Failure, Op, RunId, Verdict};

use crate::store::codec;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::records::{FamilyRow, Standing, Status};
use crate::store::tables::Table;

impl<T> Draft<T> {
    /// Also says that a signal, which is this operation of a run, has come to another one.
    pub fn with_told(mut self, from: RunId, op: Op) -> Self {
        let row = codec::encode(&FamilyRow::Told);
        self.rows.put(Table::Family, keys::numbered(from, op.0), row);
        self
    }

    /// Also forgets that: the run knows, or has ended.
    pub fn without_told(mut self, from: RunId, op: Op) -> Self {
        self.rows.delete(Table::Family, keys::numbered(from, op.0));
        self
    }
}

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
            Standing::Running | Standing::Blocked(_) | Standing::Pending | Standing::Paused(_) => {
                Ok(None)
            }
            Standing::Cancelled(_) => Ok(Some(ChildEnd::Cancelled)),
            Standing::Completed(_) | Standing::Failed(_) => {
                let last = self.last_turn(run)?.map(|turn| turn.verdict);
                Ok(Some(match last {
                    Some(Verdict::Completed(output)) => ChildEnd::Completed(output),
                    Some(
                        Verdict::Failed(error) | Verdict::FailedAt(Failure { message: error, .. }),
                    ) => ChildEnd::Failed(error),
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

    /// Whether a run has not ended, or has failed and can be tried again. One whose record cannot be read may.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn may_go_on(&self, run: RunId) -> Result<bool, StoreError> {
        let record = match self.run(run) {
            Err(StoreError::Record { .. }) => return Ok(true),
            record => record?,
        };
        Ok(record.is_some_and(|record| {
            let status = record.standing.status();
            !status.has_ended() || status == Status::Failed
        }))
    }

    /// What the family has to know of an operation of a run, if anything.
    ///
    /// # Errors
    ///
    /// The store, or the row, cannot be read.
    pub fn family_row(&self, run: RunId, op: Op) -> Result<Option<FamilyRow>, StoreError> {
        self.record(Table::Family, &keys::numbered(run, op.0))
    }

    /// Forgets what is of no matter any more, because runs ended without knowing it: where a host begins.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn stale_family_rows(&self) -> Result<Draft<()>, StoreError> {
        let mut draft = Draft::nothing();
        for (run, op, row) in self.of_steps::<FamilyRow>(Table::Family)? {
            let is_of_use = match row {
                FamilyRow::Told => self.may_go_on(run)?,
                FamilyRow::Cancels(child) => self.is_unfinished(child)?,
            };
            if !is_of_use {
                draft = draft.without_told(run, op);
            }
        }
        Ok(draft)
    }
}
