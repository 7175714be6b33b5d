//! An event on its way to a run, and what becomes of whoever asked for it.

use segno_journal::{Answer, Event, Refusal, Response, RunId};
use tokio::sync::oneshot;

use crate::engine::callers::{Answered, Callers, Place};
use crate::engine::error::EngineError;
use crate::engine::outside::Owner;
use crate::store::{Committed, TurnAndEffects};

/// What the caller of a webhook is told.
#[derive(Debug)]
pub enum Reply {
    /// This response, now.
    Now(Response),
    /// What the workflow answers, or that its run has ended without an answer. Where neither comes within
    /// the time-out, or the sender is gone, the caller gets 202. The place is to be held while the caller
    /// waits.
    Later(oneshot::Receiver<Answered>, Place),
}

/// Where the caller of a webhook hears what becomes of its call.
pub(crate) type Caller = oneshot::Sender<Result<Reply, EngineError>>;

/// An event on its way to a run.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) event: Event,
    /// Who waits for it to be on disk.
    pub(crate) then: Then,
    /// Where it lay while the run was parked, if it did.
    pub(crate) parked: Option<u64>,
}

impl Delivery {
    /// An event that happens now.
    pub(crate) const fn new(event: Event, then: Then) -> Self {
        Self { event, then, parked: None }
    }

    /// An event that lay parked.
    pub(crate) const fn parked(event: Event, position: u64) -> Self {
        Self { event, then: Then::Nothing, parked: Some(position) }
    }

    /// The event, with the number that a request has in its run.
    pub(crate) fn numbered(mut self, number: u64) -> Self {
        if let Event::Requested { request, .. } = &mut self.event {
            request.number = number;
        }
        self
    }
}

/// Who waits for a turn to be on disk.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nobody.
    Nothing,
    /// Somebody who wants to know that it is done.
    Tell(oneshot::Sender<Result<(), EngineError>>),
    /// The caller of a webhook that is answered so; with a place to wait if it is `manual`.
    Answer { caller: Caller, answer: Answer, place: Option<Place> },
    /// The caller of a `manual` webhook, whose answer will come through this receiver.
    AnswerLater { caller: Caller, heard: oneshot::Receiver<Answered>, place: Place },
}

impl Then {
    /// Makes ready to hear the workflow's answer. Before the effects of the turn are let out: the
    /// answer may be among them.
    #[must_use]
    pub(crate) fn prepare(
        self,
        callers: &Callers,
        owner: &Owner,
        committed: &Committed<TurnAndEffects>,
    ) -> Self {
        match (self, &committed.turn.event) {
            (Self::Answer { caller, place: Some(place), .. }, Event::Requested { request, .. }) => {
                let (answerer, heard) = oneshot::channel();
                callers.expect_response(owner.run, request.number, answerer);
                Self::AnswerLater { caller, heard, place }
            }
            (then, _) => then,
        }
    }

    /// It is done.
    pub(crate) fn done(self) {
        // Whoever has gone in the meantime needs no answer.
        match self {
            Self::Nothing => {}
            Self::Tell(asker) => drop(asker.send(Ok(()))),
            Self::Answer { caller, answer, .. } => {
                let response = match answer {
                    Answer::Fixed(response) => response,
                    Answer::Accepted | Answer::Manual => Response::accepted(),
                };
                drop(caller.send(Ok(Reply::Now(response))));
            }
            Self::AnswerLater { caller, heard, place } => {
                drop(caller.send(Ok(Reply::Later(heard, place))));
            }
        }
    }

    /// It cannot be done.
    pub(crate) fn fail(self, error: EngineError) {
        match self {
            Self::Nothing => {}
            Self::Tell(asker) => drop(asker.send(Err(error))),
            Self::Answer { caller, .. } | Self::AnswerLater { caller, .. } => {
                drop(caller.send(Err(error)))
            }
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
