//! Turns that were set aside because their run was tried again: they are kept as they were, and shown.

use std::ops::ControlFlow;

use segno_journal::{RunId, Turn};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys::{self, Between};
use crate::store::records::RunRecord;
use crate::store::tables::Table;
use crate::store::turns::Reader;

/// Turns of a run that are to be set aside, as they lie on disk.
pub struct SetAside {
    run: RunId,
    /// The position of the first one.
    first: u64,
    rows: Vec<(u64, Vec<u8>)>,
}

impl<T> Draft<T> {
    /// Nothing of the draft is written unless the run has ended, and is kept, and no other run goes on that its
    /// idempotency key has started: [`crate::store::Unmet`]. The key leads to it then.
    pub fn only_if_ended(mut self, run: RunId, record: &RunRecord) -> Self {
        self.rows.only_if(Condition::Ended { run, at: None });
        if let Some(key) = &record.key {
            let row = keys::idempotency(&record.workflow, key);
            self.rows.only_if(Condition::FreeKey { row, run });
        }
        self
    }

    /// Also sets turns aside, under this number of their run. Who goes on writes over the first of them.
    pub fn with_set_aside(mut self, number: u32, aside: SetAside) -> Self {
        let SetAside { run, first, rows } = aside;
        for (seq, row) in rows {
            self.rows.put(Table::SetAside, keys::set_aside(run, number, seq), row);
            if seq != first {
                self.rows.delete(Table::Turns, keys::numbered(run, seq));
            }
        }
        self
    }
}

impl Store {
    /// The turns of a run from a position on, to set them aside. The caller has seen how many there are.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn to_set_aside(&self, run: RunId, first: u64) -> Result<SetAside, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Turns, &keys::rows_from(run, first))?.map(|row| {
            let row = row?;
            Ok((codec::number(Table::Turns, row.key())?, row.value().to_vec()))
        });
        Ok(SetAside { run, first, rows: rows.collect::<Result<_, StoreError>>()? })
    }

    /// How often turns of a run were set aside.
    pub fn set_aside_before(&self, run: RunId) -> Result<u32, StoreError> {
        let moment = self.moment()?;
        let all = Between::new(
            keys::set_aside(run, 0, 0).to_vec(),
            keys::set_aside(run, u32::MAX, u64::MAX).to_vec(),
        );
        let last = moment.range(Table::SetAside, &all)?.next_back().transpose()?;
        let number = last.and_then(|row| keys::number_of_set_aside(row.key()));
        Ok(number.unwrap_or(0))
    }

    /// Visits the turns of a run that were set aside under a number, in order, from a position on, until the
    /// visitor has enough.
    pub fn visit_set_aside(
        &self,
        (run, number): (RunId, u32),
        from: u64,
        mut visit: impl FnMut(Turn) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let mut reader = Reader::new(self, &moment);
        let rows = Between::new(
            keys::set_aside(run, number, from).to_vec(),
            keys::set_aside(run, number, u64::MAX).to_vec(),
        );
        for row in moment.range(Table::SetAside, &rows)? {
            if visit(reader.turn(row?.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::{Event, Op, Timestamp, Verdict};

    use super::*;
    use crate::store::Committer;

    fn turn(seq: u64, payload: &str) -> Turn {
        let event = Event::Started { input: format!("\"{payload}\"") };
        let (first_op, at, commands, log) = (Op(0), Timestamp(seq), vec![], vec![]);
        Turn { seq, first_op, at, event, commands, verdict: Verdict::Waiting, log }
    }

    #[test]
    fn what_is_set_aside_is_kept_with_its_payloads() {
        let store = Store::in_memory().expect("there is memory");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        let run = RunId::from_parts(Timestamp(1), 7);
        let large = "x".repeat(100_000);
        let write = |draft: Draft<_>| {
            committer.submit(draft, |written| assert!(written.is_ok()));
            committer.flush().expect("there is room");
        };
        for seq in 0..4 {
            write(Draft::turn(run, turn(seq, if seq == 2 { &large } else { "a" }), vec![]));
        }
        assert_eq!(store.set_aside_before(run).expect("it can be read"), 0);
        let aside = store.to_set_aside(run, 1).expect("it can be read");
        write(Draft::turn(run, turn(1, "b"), vec![]).with_set_aside(1, aside));
        assert_eq!(store.set_aside_before(run).expect("it can be read"), 1);
        let last = store.last_turn(run).expect("it can be read").expect("it is there");
        assert_eq!((last.seq, last.event), (1, turn(1, "b").event));
        let mut seen = Vec::new();
        let visit = |turn| {
            seen.push(turn);
            ControlFlow::Continue(())
        };
        store.visit_set_aside((run, 1), 2, visit).expect("it can be read");
        assert_eq!(seen, [turn(2, &large), turn(3, "a")]);
        let mut found = Vec::new();
        store.check(&mut |what| found.push(what)).expect("it can be read");
        assert!(found.iter().all(|what| what.contains("not there")), "only its record: {found:?}");
    }
}
