//! Calls that are owed when runs end.

use segno_journal::{RunId, Timestamp};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::records::EndCall;
use crate::store::tables::Table;

impl<T> Draft<T> {
    /// Nothing of the draft is written unless the run has ended then, and not again since:
    /// [`crate::store::Unmet`].
    pub fn only_if_ended_at(mut self, run: RunId, at: Timestamp) -> Self {
        self.rows.only_if(Condition::Ended { run, at: Some(at) });
        self
    }

    /// Also owes a call, as it then stands.
    pub fn with_end_call(mut self, run: RunId, call: &EndCall) -> Self {
        self.rows.put(Table::EndCalls, run.to_bytes(), codec::encode(call));
        self
    }

    /// Also owes it no more: it was made.
    pub fn without_end_call(mut self, run: RunId) -> Self {
        self.rows.delete(Table::EndCalls, run.to_bytes());
        self
    }
}

impl Store {
    /// The call that is owed for a run, or was given up. One whose record cannot be read is owed as if it had never
    /// been made: it may come twice, and must not be lost.
    pub fn end_call(&self, run: RunId) -> Result<Option<EndCall>, StoreError> {
        match self.record(Table::EndCalls, &run.to_bytes()) {
            Err(StoreError::Record { .. }) => {
                Ok(Some(EndCall { due: Some(Timestamp(0)), ..EndCall::default() }))
            }
            call => call,
        }
    }

    /// The runs for which a call is owed, and when it is made next. One whose record cannot be read is made at
    /// once.
    pub fn end_calls(&self) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        let moment = self.moment()?;
        let mut owed = Vec::new();
        for row in moment.rows(Table::EndCalls)? {
            let row = row?;
            let call = codec::decode::<EndCall>(Table::EndCalls.name(), row.value());
            let due = call.map_or(Some(Timestamp(0)), |call| call.due);
            match keys::run(row.key()) {
                Some(run) => owed.extend(due.map(|due| (run, due))),
                None => tracing::error!(
                    "a row of `end_calls` has a key that is no run, and is not heeded"
                ),
            }
        }
        Ok(owed)
    }
}
