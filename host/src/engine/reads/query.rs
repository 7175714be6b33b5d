//! Questions to runs. What a run shows is looked up; else a copy of it is asked ([`super::copy`]). Either way the
//! run itself is neither woken nor delayed, and nothing of the question is recorded.

use std::ops::ControlFlow;
use std::sync::Arc;

use segno_journal::{Command, MAX_QUERY_NAME, RunId, is_word};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::copy::{Original, Worth};
use crate::engine::reads::past::Past;
use crate::store::Store;

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
        let place = self.0.admission.query().await?;
        // It goes with this future, and whoever makes the copy sees that.
        let asker = Arc::new(());
        let worth = Worth::new(&asker, self.0.outside.now());
        let engine = self.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let _place = place;
            engine.answer(run, &question, &worth)
        });
        let answer = asking.await.unwrap_or_else(|_panicked| {
            let reason = "the host failed at it, and its log says where".to_owned();
            Err(EngineError::QueryFailed { run, reason })
        });
        drop(asker);
        match answer {
            Ok(answer) => {
                self.0.outside.metrics().queries.inc();
                Ok(answer)
            }
            Err(_) if self.0.admission.asks_no_more() => Err(EngineError::Stopping),
            Err(error) => Err(error),
        }
    }

    fn answer(&self, run: RunId, question: &Query, worth: &Worth) -> Result<String, EngineError> {
        let record = self.record(run)?;
        // Behind this moment the run goes on, and turns and images of it are taken away.
        let store = self.0.store.pinned()?;
        let past = Past::of(&store, run, question.at)?;
        if let Some(shown) = self.shown(&store, run, (&question.name, past), worth)? {
            return Ok(shown);
        }
        let Query { name, input, .. } = question;
        self.ask_copy(&Original { store, run, record, past }, (name, input), worth)
    }

    /// What the run showed under the name, if it did.
    fn shown(
        &self,
        store: &Store,
        run: RunId,
        (name, past): (&str, Past),
        worth: &Worth,
    ) -> Result<Option<String>, EngineError> {
        // A row stays as long as its run, so where there is none, there never was one.
        let now = store.published(run, name)?;
        if now.is_none() || past.is_now() {
            return Ok(now);
        }
        let (mut shown, mut shown_in) = (None, 0);
        let mut goes_on = Ok(());
        store.visit_turns(run, 0, |turn| {
            goes_on = worth.check(&self.0.admission, self.0.outside.now());
            if turn.seq > past.at || goes_on.is_err() {
                return ControlFlow::Break(());
            }
            for command in turn.commands {
                match command {
                    Command::Publish { name: of, value } if of == name => {
                        (shown, shown_in) = (Some(value), turn.seq);
                    }
                    _ => {}
                }
            }
            ControlFlow::Continue(())
        })?;
        goes_on.map_err(|reason| EngineError::QueryFailed { run, reason })?;
        if past.is_known(shown_in) {
            return Ok(shown);
        }
        let reason = format!("what it showed as `{name}` then was forgotten with its turns");
        Err(EngineError::NoCopy { run, reason })
    }
}
