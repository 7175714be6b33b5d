//! What stands in the index for a run.

use segno_journal::{Digest, RunId, Timestamp};

use crate::store::codec::{self, bad_key};
use crate::store::error::StoreError;
use crate::store::records::{Standing, Status};
use crate::store::tables::Table;

/// How many bytes of a key are the run.
const RUN: usize = 16;

/// The fields that the record of a run begins with: how many it has, its workflow, module, start, seed and standing.
type Beginning<'a> = (u8, &'a str, Digest, Timestamp, [u8; 32], Standing);

/// The row of a run in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Entry {
    pub(in crate::store) key: Vec<u8>,
    pub(in crate::store) ended_at: Option<Timestamp>,
}

impl Entry {
    /// The row of a run with this record. What of the record is not in it is not read.
    pub(in crate::store) fn of(run: &[u8], record: &[u8]) -> Result<Self, StoreError> {
        let (beginning, _rest) = codec::decode_first::<Beginning<'_>>(Table::Runs.name(), record)?;
        let (_fields, workflow, _module, _started_at, _seed, standing) = beginning;
        let mut key = prefix(workflow, standing.status());
        key.extend_from_slice(run);
        Ok(Self { key, ended_at: standing.ended_at() })
    }

    /// The value of the row.
    pub(in crate::store) fn value(&self) -> Vec<u8> {
        self.ended_at.map_or_else(Vec::new, |at| at.0.to_le_bytes().to_vec())
    }

    /// The key of its count.
    pub(in crate::store) fn part(&self) -> &[u8] {
        &self.key[..self.key.len() - RUN]
    }
}

/// The runs of a workflow that stand in one way: a part of the index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Part {
    pub(in crate::store) workflow: String,
    pub(in crate::store) status: Status,
}

impl Part {
    /// What the keys of its rows begin with.
    pub(in crate::store) fn prefix(&self) -> Vec<u8> {
        prefix(&self.workflow, self.status)
    }

    /// The key of a run in it.
    pub(in crate::store) fn key(&self, run: RunId) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend(run.to_bytes());
        key
    }

    /// The part in which a key of this table lies, and what of the key is behind it.
    pub(in crate::store) fn split(table: Table, key: &[u8]) -> Result<(Self, &[u8]), StoreError> {
        let split = || {
            let end = key.iter().position(|byte| *byte == 0)?;
            let workflow = std::str::from_utf8(&key[..end]).ok()?.to_owned();
            let (status, rest) = key[end + 1..].split_first()?;
            Some((Self { workflow, status: Status::numbered(*status)? }, rest))
        };
        split().ok_or_else(|| bad_key(table))
    }
}

/// A workflow's name has no zero byte, so no workflow is among another one's.
fn prefix(workflow: &str, status: Status) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(workflow.len() + 2 + RUN);
    prefix.extend_from_slice(workflow.as_bytes());
    prefix.extend([0, status as u8]);
    prefix
}

/// The run of a key in the index.
pub(super) fn run_of(key: &[u8]) -> Result<RunId, StoreError> {
    key.last_chunk().map(|run| RunId::from_bytes(*run)).ok_or_else(|| bad_key(Table::Standings))
}

/// When the run of a row in the index has ended, if it has.
pub(super) fn ended_at(value: &[u8]) -> Result<Option<Timestamp>, StoreError> {
    if value.is_empty() {
        return Ok(None);
    }
    number(Table::Standings, value).map(|at| Some(Timestamp(at)))
}

/// How many runs a count says there are.
pub(in crate::store) fn count_of(value: &[u8]) -> Result<u64, StoreError> {
    number(Table::Counts, value)
}

fn number(table: Table, value: &[u8]) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(value);
    bytes
        .map(u64::from_le_bytes)
        .map_err(|_| codec::damaged(table.name(), "it is no number".into()))
}
