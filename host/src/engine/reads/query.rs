//! Questions to runs. A copy is asked, which is made of what is on disk: the run itself is neither woken nor
//! delayed, and nothing of the question is recorded.

use std::ops::ControlFlow;

use segno_journal::{Command, MAX_QUERY_NAME, Run, RunId, Timestamp, Verdict, is_word};

use crate::engine::error::EngineError;
use crate::engine::guests::{CannotTurn, Images, Replay, RunAt};
use crate::engine::handle::Engine;
use crate::sandbox::{Answered, Moment};
use crate::store::RunRecord;

/// A question to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Under which name.
    pub name: String,
    /// What is asked, as JSON.
    pub input: String,
    /// As the run was after this turn; as it is now, where there is none.
    pub at: Option<u64>,
}

impl Engine {
    /// Asks a run something. What it shows under the name is the answer, or else what its workflow answers:
    /// JSON. A run that has ended is asked as it was before its last turn.
    ///
    /// # Errors
    ///
    /// The run is not known, nobody answers to the name, or no copy of the run can be made or can answer.
    pub async fn query(&self, run: RunId, question: Query) -> Result<String, EngineError> {
        if !is_word(&question.name, MAX_QUERY_NAME) {
            let (what, limit) = ("the name of a query", MAX_QUERY_NAME);
            return Err(EngineError::BadWord { what, limit });
        }
        let turn = self.0.admission.query().await?;
        let engine = self.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            engine.ask_copy(run, &question)
        });
        asking.await.map_err(|_panicked_or_stopped| EngineError::Stopping)?
    }

    fn ask_copy(&self, run: RunId, question: &Query) -> Result<String, EngineError> {
        let record = self.record(run)?;
        let turns = self.turns_to_ask(run, question.at)?;
        if let Some(shown) = self.shown(run, question, turns)? {
            return Ok(shown);
        }
        if turns == 0 {
            let Query { name, .. } = question;
            return Err(EngineError::UnknownQuery { name: name.clone(), known: Vec::new() });
        }
        self.ask_guest(run, (&record, turns), question)
    }

    /// How many turns the copy is to have had: of a run that has ended, there is nobody left after its last one.
    fn turns_to_ask(&self, run: RunId, at: Option<u64>) -> Result<u64, EngineError> {
        let last = self.0.store.last_turn(run)?;
        let had = last.as_ref().map_or(0, |last| last.seq + 1);
        let over = last.is_some_and(|last| last.verdict != Verdict::Waiting);
        match at {
            Some(at) if at >= had => Err(EngineError::NoSuchTurn { run, turns: had }),
            Some(at) => Ok((at + 1).min(had - u64::from(over))),
            None => Ok(had - u64::from(over)),
        }
    }

    /// What the run shows under the name, if it does.
    fn shown(
        &self,
        run: RunId,
        question: &Query,
        turns: u64,
    ) -> Result<Option<String>, EngineError> {
        let Some(at) = question.at else {
            return Ok(self.0.store.published(run, &question.name)?);
        };
        // A run that ends may show something with its last word.
        let until = turns.max(at + 1);
        let mut shown = None;
        self.0.store.visit_turns(run, 0, |turn| {
            if turn.seq >= until {
                return ControlFlow::Break(());
            }
            for command in turn.commands {
                match command {
                    Command::Publish { name, value } if name == question.name => {
                        shown = Some(value);
                    }
                    _ => {}
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(shown)
    }

    fn ask_guest(
        &self,
        run: RunId,
        (record, turns): (&RunRecord, u64),
        question: &Query,
    ) -> Result<String, EngineError> {
        let store = &self.0.store;
        let failed = |reason: String| EngineError::QueryFailed { run, reason };
        let module =
            self.0.modules.load(record.module).map_err(|error| failed(error.to_string()))?;
        let positions = store.image_positions(run)?;
        let first_turn =
            if positions.is_empty() { 1 } else { store.recall(run)?.first_turn()?.unwrap_or(1) };
        let images = Images::found(&positions, first_turn, turns);
        let quota = self.0.config.limits.quota();
        let replay =
            Replay { store, module, quota, verify: false, metrics: self.0.outside.metrics() };
        let last_at = store.turn(run, turns - 1)?.map_or(record.started_at, |turn| turn.at);
        let state = Run::new();
        let copy = RunAt { id: run, record, state: &state, turns, images: &images, last_at };
        let (mut guest, _unusable) = replay.guest(copy).map_err(|why| cannot(run, why))?;
        let moment = Moment { seq: turns, at: last_at.max(Timestamp(0)) };
        let answered = guest.query(&question.name, &question.input, moment);
        match answered.map_err(|blocked| failed(blocked.message))? {
            Answered::With(json) => checked(run, json),
            Answered::Unknown(known) => {
                Err(EngineError::UnknownQuery { name: question.name.clone(), known })
            }
            Answered::Refused(reason) => Err(EngineError::QueryRefused { run, reason }),
        }
    }
}

/// Why no copy can be made of a run.
fn cannot(run: RunId, why: CannotTurn) -> EngineError {
    match why {
        CannotTurn::Blocked(blocked) => EngineError::QueryFailed { run, reason: blocked.message },
        CannotTurn::NoRoom(_) => EngineError::Busy,
        CannotTurn::Store(error) => error.into(),
    }
}

/// An answer, which is the guest's.
fn checked(run: RunId, json: String) -> Result<String, EngineError> {
    match serde_json::from_str::<&serde_json::value::RawValue>(&json) {
        Ok(_) => Ok(json),
        Err(error) => {
            let reason = format!("what the workflow answers is not JSON: {error}");
            Err(EngineError::QueryFailed { run, reason })
        }
    }
}
