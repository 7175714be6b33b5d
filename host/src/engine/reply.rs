//! What becomes of whoever asked for a turn.

use segno_journal::{Answer, Event, Refusal, Response, RunId, Turn};
use tokio::sync::oneshot;

use crate::engine::error::EngineError;
use crate::engine::outside::{Outside, Owner};
use crate::store::{Committed, Draft};

/// What the caller of a webhook is told.
#[derive(Debug)]
pub enum Reply {
    /// This response, now.
    Now(Response),
    /// What the workflow answers. Where it does not within the time-out, or the sender is gone, the
    /// caller gets 202.
    Later(oneshot::Receiver<Response>),
}

/// Who waits for a turn to be on disk.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nobody.
    Nothing,
    /// Nobody; and the event lay parked at this position.
    Unpark(u64),
    /// Somebody who wants to know that it is done.
    Tell(oneshot::Sender<Result<(), EngineError>>),
    /// The caller of a webhook that is answered so.
    Answer { caller: oneshot::Sender<Result<Reply, EngineError>>, answer: Answer },
    /// The caller of a `manual` webhook, whose answer will come through this receiver.
    AnswerLater { caller: oneshot::Sender<Result<Reply, EngineError>>, heard: oneshot::Receiver<Response> },
}

impl Then {
    /// Whether the event lay parked.
    pub(crate) const fn is_parked(&self) -> bool {
        matches!(self, Self::Unpark(_))
    }

    /// Takes the event from among the parked ones, if it is one of them.
    pub(crate) fn unpark<T>(&self, run: RunId, draft: Draft<T>) -> Draft<T> {
        match self {
            Self::Unpark(position) => draft.without_parked(run, *position),
            _ => draft,
        }
    }

    /// Makes ready to hear the workflow's answer. Before the effects of the turn are let out: the
    /// answer may be among them.
    #[must_use]
    pub(crate) fn prepare(self, outside: &Outside, owner: &Owner, turn: &Committed<Turn>) -> Self {
        match (self, &turn.event) {
            (Self::Answer { caller, answer: Answer::Manual }, Event::Requested { request, .. }) => {
                let (answerer, heard) = oneshot::channel();
                outside.callers.expect_response(owner.run, request.number, answerer);
                Self::AnswerLater { caller, heard }
            }
            (then, _) => then,
        }
    }

    /// It is done.
    pub(crate) fn done(self) {
        // Whoever has gone in the meantime needs no answer.
        match self {
            Self::Nothing | Self::Unpark(_) => {}
            Self::Tell(asker) => drop(asker.send(Ok(()))),
            Self::Answer { caller, answer } => {
                let response = match answer {
                    Answer::Fixed(response) => response,
                    Answer::Accepted | Answer::Manual => Response::accepted(),
                };
                drop(caller.send(Ok(Reply::Now(response))));
            }
            Self::AnswerLater { caller, heard } => drop(caller.send(Ok(Reply::Later(heard)))),
        }
    }

    /// It cannot be done.
    pub(crate) fn fail(self, error: EngineError) {
        match self {
            Self::Nothing | Self::Unpark(_) => {}
            Self::Tell(asker) => drop(asker.send(Err(error))),
            Self::Answer { caller, .. } | Self::AnswerLater { caller, .. } => drop(caller.send(Err(error))),
        }
    }

    /// The run does not take it.
    pub(crate) fn refuse(self, run: RunId, refusal: Refusal) {
        let error = match (&self, refusal) {
            (Self::Tell(_), _) => EngineError::AlreadyEnded(run),
            (_, Refusal::Ended | Refusal::NotOpen(_)) => EngineError::WebhookClosed,
            (_, Refusal::Full) => EngineError::WebhookFull,
        };
        self.fail(error);
    }
}
