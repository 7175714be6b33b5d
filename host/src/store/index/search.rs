//! Finding runs by all that they can be found by at once.
//!
//! What is looked for is one or several lists of runs, each in the order of their names: those of an attribute, and
//! those of how runs stand. The shortest is gone through, newest first; of each of its runs the others are asked.

use std::collections::{BTreeSet, BinaryHeap};
use std::ops::ControlFlow;

use segno_journal::{AttributeValue, RunId};

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::index::attributes;
use crate::store::index::entry::{Part, run_of};
use crate::store::index::reads::parts;
use crate::store::keys::Between;
use crate::store::keyspace::{Moment, Range};
use crate::store::records::{RunRecord, Status};
use crate::store::tables::Table;

/// How many rows of a list are counted at most to find the shortest one.
const COUNTED: usize = 2_000;

/// How many parts of the index of standings are gone through side by side: where there are more, all runs are gone
/// through instead.
const MAX_PARTS: usize = 1_000;

/// Which runs are looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Those of this workflow; of all of them where none is named.
    pub workflow: Option<String>,
    /// Those that stand in one of these ways; in any where there is none.
    pub statuses: BTreeSet<Status>,
    /// Those that have all of these attributes, each with one of its values.
    pub attributes: Vec<(String, Vec<AttributeValue>)>,
    /// This run and those after it.
    pub from: Option<RunId>,
    /// Those before this run.
    pub before: Option<RunId>,
}

impl Search {
    /// The first run and the last that can be found; nothing where there is none between them.
    fn ends(&self) -> Option<(RunId, RunId)> {
        let first = self.from.map_or(0, number);
        let last = match self.before {
            None => u128::MAX,
            Some(before) => number(before).checked_sub(1)?,
        };
        let run = |number: u128| RunId::from_bytes(number.to_be_bytes());
        (first <= last).then(|| (run(first), run(last)))
    }

    /// Whether the record of a run is one that is looked for. What it is besides is not asked.
    fn takes(&self, record: &RunRecord) -> bool {
        self.workflow.as_ref().is_none_or(|workflow| **workflow == *record.workflow)
            && (self.statuses.is_empty() || self.statuses.contains(&record.standing.status()))
    }
}

fn number(run: RunId) -> u128 {
    u128::from_be_bytes(run.to_bytes())
}

/// A list of runs, in which each stands once: the rows of some ranges of a table.
struct List {
    table: Table,
    ranges: Vec<Between>,
    /// Which of the attributes that are looked for it is of; none where it is of how runs stand.
    attribute: Option<usize>,
}

impl List {
    /// How many runs are in it, counted up to a limit.
    fn length(&self, moment: &Moment, limit: usize) -> Result<usize, StoreError> {
        let mut length = 0;
        for range in &self.ranges {
            for row in moment.range(self.table, range)?.take(limit - length) {
                row?;
                length += 1;
            }
        }
        Ok(length)
    }
}

impl Store {
    /// The record of a run, if it is one of those that are looked for.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn find(&self, search: &Search, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        let is_between = search.ends().is_some_and(|(first, last)| (first..=last).contains(&run));
        if is_between { found(&*self.moment()?, search, None, run) } else { Ok(None) }
    }

    /// Visits the runs that are looked for, newest first, until the visitor has enough: each run that has to be
    /// looked at, with its record where it is one of those.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn search(
        &self,
        search: &Search,
        mut visit: impl FnMut(RunId, Option<RunRecord>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let Some(ends) = search.ends() else { return Ok(()) };
        let driver = shortest(&moment, search, ends)?;
        merged(&moment, &driver, |run| {
            let found = found(&moment, search, driver.attribute, run)?;
            Ok(visit(run, found))
        })
    }
}

/// The shortest of the lists in which all runs are that are looked for.
fn shortest(
    moment: &Moment,
    search: &Search,
    (first, last): (RunId, RunId),
) -> Result<List, StoreError> {
    let mut lists = Vec::new();
    for (number, (name, values)) in search.attributes.iter().enumerate() {
        let prefixes = values.iter().map(|value| attributes::prefix(name, value));
        let ranges = prefixes.map(|prefix| attributes::between(&prefix, (first, last))).collect();
        lists.push(List { table: Table::AttributeIndex, ranges, attribute: Some(number) });
    }
    if search.workflow.is_some() || !search.statuses.is_empty() {
        let mut parts = parts(moment, search.workflow.as_deref())?;
        let is_wanted = |status| search.statuses.is_empty() || search.statuses.contains(&status);
        parts.retain(|part| is_wanted(part.status));
        if parts.len() <= MAX_PARTS {
            let range = |part: &Part| Between::new(part.key(first), part.key(last));
            let ranges = parts.iter().map(range).collect();
            lists.push(List { table: Table::Standings, ranges, attribute: None });
        }
    }
    if lists.len() > 1 {
        let mut shortest = (COUNTED + 1, 0);
        for (number, list) in lists.iter().enumerate() {
            shortest = shortest.min((list.length(moment, shortest.0.min(COUNTED))?, number));
        }
        return Ok(lists.swap_remove(shortest.1));
    }
    let all = || {
        let ranges = vec![Between::new(first.to_bytes().to_vec(), last.to_bytes().to_vec())];
        List { table: Table::Runs, ranges, attribute: None }
    };
    Ok(lists.pop().unwrap_or_else(all))
}

/// Visits the runs of a list, newest first.
fn merged(
    moment: &Moment,
    list: &List,
    mut visit: impl FnMut(RunId) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut ranges = Vec::with_capacity(list.ranges.len());
    let mut next = BinaryHeap::with_capacity(list.ranges.len());
    for keys in &list.ranges {
        let mut range = moment.range(list.table, keys)?.rev();
        if let Some(run) = next_of(&mut range)? {
            next.push((run, ranges.len()));
            ranges.push(range);
        }
    }
    while let Some((run, of)) = next.pop() {
        if visit(run)?.is_break() {
            break;
        }
        if let Some(run) = next_of(&mut ranges[of])? {
            next.push((run, of));
        }
    }
    Ok(())
}

fn next_of(range: &mut std::iter::Rev<Range<'_>>) -> Result<Option<RunId>, StoreError> {
    range.next().transpose()?.map(|row| run_of(row.key())).transpose()
}

/// The record of a run, if it is one of those that are looked for. `known` is the attribute that it has in any case.
fn found(
    moment: &Moment,
    search: &Search,
    known: Option<usize>,
    run: RunId,
) -> Result<Option<RunRecord>, StoreError> {
    for (number, (name, values)) in search.attributes.iter().enumerate() {
        if known == Some(number) {
            continue;
        }
        let mut has = false;
        for value in values {
            let key = attributes::of_run(attributes::prefix(name, value), run);
            has = has || moment.has(Table::AttributeIndex, &key)?;
        }
        if !has {
            return Ok(None);
        }
    }
    // What has no record is on its way out.
    let Some(record) = moment.get(Table::Runs, &run.to_bytes())? else { return Ok(None) };
    let record: RunRecord = codec::decode(Table::Runs.name(), &record)?;
    Ok(search.takes(&record).then_some(record))
}
