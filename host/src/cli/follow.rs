//! `run`: the history of a run, page by page, the end of it, or as it happens.

use segno_api::{HistoryEntry, HistoryEvent, HistoryPage};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use segno_journal::RunId;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::MissedTickBehavior;

use crate::cli::client::{Answer, Client};

/// How many turns are asked for at once.
const PAGE: &str = "1000";

/// How often is asked whether something happened.
const LOOK: Duration = Duration::from_secs(1);

/// An entry of a history: what it says, and as it came.
pub(super) struct Told {
    pub(super) entry: HistoryEntry,
    pub(super) raw: Box<RawValue>,
}

/// A page of a history whose entries are handed on: a number keeps its digits.
#[derive(Deserialize)]
struct RawPage {
    events: Vec<Box<RawValue>>,
}

/// Reads the history of a run, each entry of it once.
pub(super) struct Reader<'a> {
    client: &'a Client,
    id: RunId,
    /// Which of what was set aside is told, where that is.
    set_aside: Option<u32>,
    seen: Seen,
}

impl<'a> Reader<'a> {
    /// Reads from this turn on.
    pub(super) fn new(client: &'a Client, id: RunId, from: u64, set_aside: Option<u32>) -> Self {
        Self { client, id, set_aside, seen: Seen { cursor: from, ..Seen::default() } }
    }

    /// Tells what has happened since it was asked last: to the end of the history, as it is now.
    pub(super) async fn read(
        &mut self,
        mut tell: impl FnMut(Told) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let answer = self.page().await?;
            let (page, raw): (HistoryPage, RawPage) = (answer.read()?, answer.read()?);
            for (entry, raw) in page.events.into_iter().zip(raw.events) {
                if self.seen.is_new(&entry) {
                    tell(Told { entry, raw })?;
                }
            }
            match page.next {
                Some(next) => self.seen.go_on(next),
                None => return Ok(()),
            }
        }
    }

    /// The last entries, so many at most.
    pub(super) async fn last(&mut self, most: usize) -> anyhow::Result<VecDeque<Told>> {
        let mut last = VecDeque::new();
        self.read(|told| {
            if last.len() == most {
                last.pop_front();
            }
            last.push_back(told);
            Ok(())
        })
        .await?;
        Ok(last)
    }

    async fn page(&self) -> anyhow::Result<Answer> {
        let (cursor, number) =
            (self.seen.cursor.to_string(), self.set_aside.map(|it| it.to_string()));
        let mut query = vec![("cursor", &*cursor), ("limit", PAGE)];
        query.extend(number.as_deref().map(|number| ("set_aside", number)));
        Ok(self.client.get(&["v1", "runs", &self.id.to_string(), "events"], &query).await?)
    }
}

/// The moments at which is asked whether something happened.
pub(super) fn looks() -> tokio::time::Interval {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// What was told already, as far as it may come again: the end of a history has the failed attempts of
/// all steps that are not over, and what was done to the run since its last turn.
#[derive(Debug, Default)]
struct Seen {
    /// The turn that comes next.
    cursor: u64,
    /// The last failed attempt of each step that is not over.
    attempts: BTreeMap<u64, u32>,
    /// What belongs to the turn that comes next.
    notes: Vec<HistoryEntry>,
}

impl Seen {
    /// Whether an entry is told for the first time, which it then was.
    fn is_new(&mut self, entry: &HistoryEntry) -> bool {
        match &entry.event {
            HistoryEvent::StepRetrying { op, attempt, .. } => {
                let last = self.attempts.entry(*op).or_default();
                let is_new = *attempt > *last;
                *last = (*last).max(*attempt);
                return is_new;
            }
            HistoryEvent::RunBlocked { .. }
            | HistoryEvent::RunResumed { .. }
            | HistoryEvent::RunPaused { .. }
            | HistoryEvent::ModuleChanged { .. } => {
                let is_new = !self.notes.contains(entry);
                self.notes.extend(is_new.then(|| entry.clone()));
                return is_new;
            }
            HistoryEvent::StepCompleted { op, .. }
            | HistoryEvent::StepFailed { op, .. }
            | HistoryEvent::StepCancelled { op } => {
                self.attempts.remove(op);
            }
            _ => {}
        }
        self.go_on(entry.turn + 1);
        true
    }

    /// The turns before this one have been told.
    fn go_on(&mut self, cursor: u64) {
        self.cursor = self.cursor.max(cursor);
        self.notes.retain(|note| note.turn >= self.cursor);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn entry(turn: u64, event: HistoryEvent) -> HistoryEntry {
        HistoryEntry { turn, at: Timestamp::UNIX_EPOCH, event }
    }

    fn failed(attempt: u32) -> HistoryEntry {
        let name = None;
        let error = "no".to_owned();
        let retry_at = Timestamp::UNIX_EPOCH;
        entry(0, HistoryEvent::StepRetrying { op: 0, name, attempt, error, retry_at })
    }

    #[test]
    fn what_stands_at_the_end_of_a_history_is_told_once() {
        let mut seen = Seen::default();
        let slept = |turn| entry(turn, HistoryEvent::SleepCompleted { op: turn });
        let resumed = entry(2, HistoryEvent::RunResumed { by: None });
        for entry in [slept(0), slept(1), resumed.clone(), failed(1)] {
            assert!(seen.is_new(&entry), "{entry:?}");
        }
        assert_eq!(seen.cursor, 2);
        for (entry, is_new) in [
            (resumed.clone(), false),
            (failed(1), false),
            (failed(2), true),
            (slept(2), true),
            (failed(2), false),
        ] {
            assert_eq!(seen.is_new(&entry), is_new, "{entry:?}");
        }
        assert_eq!((seen.cursor, seen.notes.len()), (3, 0));
    }
}
