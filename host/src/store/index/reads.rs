//! Finding runs by how they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_journal::{RunId, Timestamp};

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::index::entry::{Part, count_of, ended_at, run_of};
use crate::store::keys::Between;
use crate::store::keyspace::Moment;
use crate::store::records::Status;
use crate::store::tables::Table;

impl Store {
    /// Visits the runs of a workflow that ended in this way before a moment, oldest run first, each with when it
    /// ended, until the visitor has enough: from behind a run on, where one is given.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn visit_ended(
        &self,
        (workflow, status): (&str, Status),
        before: Timestamp,
        after: Option<RunId>,
        mut visit: impl FnMut(RunId, Timestamp) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let part = Part { workflow: workflow.to_owned(), status };
        let first = part.key(after.unwrap_or(RunId::from_bytes([0; 16])));
        // What was started later has not ended before.
        let last = part.key(RunId::from_parts(before, u128::MAX));
        for row in moment.range(Table::Standings, &Between::new(first, last))? {
            let row = row?;
            let run = run_of(row.key())?;
            if after == Some(run) {
                continue;
            }
            match ended_at(row.value())? {
                Some(ended) if ended < before && visit(run, ended).is_break() => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// The workflows that have runs, by name. It takes a look-up or two for each, however many runs it has.
    pub fn workflows_with_runs(&self) -> Result<BTreeSet<String>, StoreError> {
        let parts = parts(&*self.moment()?, None)?;
        Ok(parts.into_iter().map(|part| part.workflow).collect())
    }

    /// How many runs there are, by workflow and by how they stand: of one workflow, or of all.
    pub fn count_runs(
        &self,
        workflow: Option<&str>,
    ) -> Result<BTreeMap<(String, Status), u64>, StoreError> {
        let moment = self.moment()?;
        let mut counts = BTreeMap::new();
        let rows = match workflow {
            None => moment.rows(Table::Counts)?,
            Some(workflow) => moment.range(Table::Counts, &of_workflow(workflow))?,
        };
        for row in rows {
            let row = row?;
            let (Part { workflow, status }, _suffix) = Part::split(Table::Counts, row.key())?;
            // A damaged one may say any number.
            let count = counts.entry((workflow, status)).or_default();
            *count = u64::saturating_add(*count, count_of(row.value())?);
        }
        Ok(counts)
    }
}

/// The parts of the index that have runs: of one workflow, or of all. Each is found behind the one before it.
pub(super) fn parts(moment: &Moment, workflow: Option<&str>) -> Result<Vec<Part>, StoreError> {
    let of_one = workflow.map(of_workflow);
    let (mut first, last) = match of_one {
        Some(keys) => keys.into_ends(),
        // No text has this byte.
        None => (Vec::new(), vec![0xff]),
    };
    let mut parts = Vec::new();
    loop {
        let keys = Between::new(first, last.clone());
        let Some(row) = moment.range(Table::Standings, &keys)?.next().transpose()? else { break };
        let (part, _run) = Part::split(Table::Standings, row.key())?;
        first = part.key(RunId::from_bytes([0xff; 16]));
        first.push(0);
        parts.push(part);
    }
    Ok(parts)
}

/// The keys of what is kept of a workflow, by how its runs stand.
fn of_workflow(workflow: &str) -> Between {
    let first = [workflow.as_bytes(), &[0]].concat();
    let last = [workflow.as_bytes(), &[0, 0xff]].concat();
    Between::new(first, last)
}
