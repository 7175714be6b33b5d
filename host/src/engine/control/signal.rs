//! Signals to runs.

use segno_journal::{Command, Event, MAX_SIGNAL_NAME, Response, RunId, Signal, Turn, is_word};

use crate::engine::control::check_key;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Reply;
use crate::store::{Store, StoreError};

/// What is sent to a run under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignal {
    /// The name.
    pub name: String,
    /// What is sent, as JSON.
    pub payload: String,
    /// By what it is known when it is sent again.
    pub key: Option<String>,
}

impl NewSignal {
    /// How much room it takes while it waits to be taken, in bytes.
    pub(super) fn size(&self) -> usize {
        let Self { name, payload, key } = self;
        Signal::size_of(name, payload, key.as_deref())
    }

    /// It as its run is given it, which numbers it then.
    pub(super) fn into_signal(self) -> Signal {
        let Self { name, payload, key } = self;
        Signal { number: 0, name, payload, key }
    }
}

impl Engine {
    /// Sends a signal to a run. Answers when it is on disk, with how the workflow answers; `waits` says whether
    /// anybody waits for that. A signal with a key that came already is not sent again: the caller gets the
    /// answer that the first one got.
    ///
    /// The answer of the workflow is JSON, or a status from 400 on with a sentence.
    ///
    /// # Errors
    ///
    /// Nothing was stored then: the run is not known or over, it takes no more for now, or the host cannot take
    /// it.
    pub async fn signal(
        &self,
        run: RunId,
        signal: NewSignal,
        waits: bool,
    ) -> Result<Reply, EngineError> {
        self.takes_work()?;
        check_signal_name(&signal.name)?;
        check_key(signal.key.as_deref())?;
        let event = Event::Signalled { signal: signal.into_signal() };
        match self.call(run, event, waits).await? {
            // Who does not know a run does not know whether it ever was.
            Err(EngineError::InboxClosed) => Err(self.too_late(run)?),
            reply => {
                self.0.outside.metrics().signals.inc_by(u64::from(reply.is_ok()));
                reply
            }
        }
    }

    /// Why a run that its shard does not know takes no signal. Where it has not ended, its shard has not heard of
    /// it yet.
    pub(super) fn too_late(&self, run: RunId) -> Result<EngineError, EngineError> {
        let has_ended = self.status(run)?.has_ended();
        Ok(if has_ended { EngineError::SignalTooLate(run) } else { EngineError::Busy })
    }
}

/// Refuses what cannot be the name of a signal.
pub(super) fn check_signal_name(name: &str) -> Result<(), EngineError> {
    if is_word(name, MAX_SIGNAL_NAME) {
        return Ok(());
    }
    let (what, limit) = ("the name of a signal", MAX_SIGNAL_NAME);
    Err(EngineError::BadWord { what, limit })
}

/// What a run answered to a signal, in this turn.
pub(super) fn answer_in(
    store: &Store,
    run: RunId,
    turn: u64,
    number: u64,
) -> Result<Response, EngineError> {
    let answer = |turn: Turn| {
        turn.commands.into_iter().find_map(|command| match command {
            Command::Respond { request, response } if request == number => Some(response),
            _ => None,
        })
    };
    let Some(turn) = store.turn(run, turn)? else { return Err(EngineError::AnswerForgotten(run)) };
    let seq = turn.seq;
    answer(turn).ok_or_else(|| {
        let (table, detail) = ("turns".into(), format!("turn {seq} of {run} has no answer"));
        StoreError::Record { table, detail }.into()
    })
}
