//! Whether the indexes say what the records of runs do.

use std::collections::BTreeMap;

use crate::store::codec::bad_key;
use crate::store::error::StoreError;
use crate::store::index::attributes::{attribute_key, index_key};
use crate::store::index::build::is_whole;
use crate::store::index::entry::{Entry, Part, count_of, run_of};
use crate::store::keyspace::Moment;
use crate::store::tables::Table;

/// Says each thing in which they differ, as a sentence. Of a store that has no indexes yet, nothing.
pub(in crate::store) fn compare(
    moment: &Moment,
    say: &mut dyn FnMut(String),
) -> Result<(), StoreError> {
    if !is_whole(moment)? {
        return Ok(());
    }
    let counts = runs(moment, say)?;
    strays(moment, say)?;
    attributes(moment, say)?;
    counted(moment, counts, say)
}

/// Whether each run is in the index as it stands; how many runs stand in each way. What is wrong with a record
/// itself was found with it.
fn runs(
    moment: &Moment,
    say: &mut dyn FnMut(String),
) -> Result<BTreeMap<Vec<u8>, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for row in moment.rows(Table::Runs)? {
        let row = row?;
        let Ok(entry) = Entry::of(row.key(), row.value()) else { continue };
        *counts.entry(entry.part().to_vec()).or_default() += 1;
        let there = moment.get(Table::Standings, &entry.key)?;
        if there.is_none_or(|there| *there != *entry.value()) {
            say(format!("{} is not in the index as it stands", run_of(&entry.key)?));
        }
    }
    Ok(counts)
}

/// Whether there is nothing in the index that is of no run, or of how one does not stand.
fn strays(moment: &Moment, say: &mut dyn FnMut(String)) -> Result<(), StoreError> {
    for row in moment.rows(Table::Standings)? {
        let row = row?;
        let run = Part::split(Table::Standings, row.key())
            .and_then(|(_, run)| <[u8; 16]>::try_from(run).map_err(|_| bad_key(Table::Standings)));
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                say(format!("the index of runs: {error}"));
                continue;
            }
        };
        let record = moment.get(Table::Runs, &run)?;
        let entry = record.and_then(|record| Entry::of(&run, &record).ok());
        if entry.is_none_or(|entry| entry.key != row.key()) {
            say(format!("{} is in the index as it does not stand", run_of(row.key())?));
        }
    }
    Ok(())
}

/// Whether each attribute is in its index, and nothing else. What is wrong with an attribute itself was found with it.
fn attributes(moment: &Moment, say: &mut dyn FnMut(String)) -> Result<(), StoreError> {
    for row in moment.rows(Table::Attributes)? {
        let row = row?;
        let Ok(key) = index_key(row.key(), row.value()) else { continue };
        if !moment.has(Table::AttributeIndex, &key)? {
            say(format!("an attribute of {} is not in the index of attributes", run_of(&key)?));
        }
    }
    for row in moment.rows(Table::AttributeIndex)? {
        let row = row?;
        let attribute = attribute_key(row.key());
        let record =
            attribute.as_deref().map(|key| moment.get(Table::Attributes, key)).transpose()?;
        let expected = match (&attribute, record.flatten()) {
            (Some(key), Some(record)) => index_key(key, &record).ok(),
            _ => None,
        };
        if expected.is_none_or(|expected| expected != row.key()) {
            say("something is in the index of attributes that no run has".into());
        }
    }
    Ok(())
}

/// Whether as many runs are counted as there are.
fn counted(
    moment: &Moment,
    mut counts: BTreeMap<Vec<u8>, u64>,
    say: &mut dyn FnMut(String),
) -> Result<(), StoreError> {
    let mut said = BTreeMap::<Part, u64>::new();
    for row in moment.rows(Table::Counts)? {
        let row = row?;
        let count = Part::split(Table::Counts, row.key())
            .and_then(|(part, _suffix)| Ok((part, count_of(row.value())?)));
        match count {
            Ok((part, count)) => {
                // A damaged one may say any number.
                let said = said.entry(part).or_default();
                *said = said.saturating_add(count);
            }
            Err(error) => say(format!("a count of runs: {error}")),
        }
    }
    for (part, said) in said {
        let there = counts.remove(&part.prefix()).unwrap_or(0);
        if there != said {
            say(differs(&part, there, said));
        }
    }
    for (prefix, there) in counts {
        let (part, _) = Part::split(Table::Counts, &prefix)?;
        say(differs(&part, there, 0));
    }
    Ok(())
}

fn differs(Part { workflow, status }: &Part, there: u64, said: u64) -> String {
    let workflow = workflow.escape_debug();
    format!("of workflow `{workflow}`, {there} runs are {status:?}, and {said} are counted")
}
