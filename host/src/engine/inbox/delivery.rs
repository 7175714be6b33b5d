//! An event on its way to a run, and what becomes of whoever asked for it.

use std::fmt;

use segno_api::RunStatus;
use segno_journal::{Answer, Event, NotTold, Op, Refusal, Response, RunId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::error::EngineError;
use crate::engine::inbox::batch::OnItsWay;
use crate::store::{Draft, Posted, StoreError};

/// What the caller of a `manual` webhook is told: the workflow's response, or that none will come.
pub type Answered = Result<Response, EngineError>;

/// A place to wait, until it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Place {
    /// The place of this permit.
    pub(crate) const fn of(permit: OwnedSemaphorePermit) -> Self {
        Self(permit)
    }
}

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

/// What a shard tells the caller of a webhook, of a hook, or who sent a signal.
#[derive(Debug)]
pub(crate) enum Told {
    /// This.
    Reply(Reply),
    /// It answered what has this number before, in this turn, which is to be looked up.
    Answered { turn: u64, number: u64 },
}

/// Where the caller of a webhook hears what becomes of its call.
pub(crate) type Caller = oneshot::Sender<Result<Told, EngineError>>;

/// An event on its way to a run.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) event: Event,
    /// Who waits for it to be on disk.
    pub(crate) then: Then,
    /// Where it lay while the run was blocked, if it did.
    pub(crate) held: Option<u64>,
}

impl Delivery {
    /// An event that happens now.
    pub(crate) const fn new(event: Event, then: Then) -> Self {
        Self { event, then, held: None }
    }

    /// An event that was held.
    pub(crate) const fn held(event: Event, position: u64) -> Self {
        Self { event, then: Then::Nothing, held: Some(position) }
    }

    /// Whether it was admitted before, and whoever sent it was told so.
    pub(crate) const fn is_promised(&self) -> bool {
        self.held.is_some() || matches!(self.then, Then::Batch(..))
    }

    /// The event, with the number that a request or a signal has in its run.
    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { event: self.event.numbered(number), ..self }
    }
}

/// Where a run hears whether another one took what it sent as this operation; if not, why.
pub(crate) struct Report {
    pub(crate) from: (RunId, Op),
    tell: Box<dyn FnOnce(Option<NotTold>) + Send>,
}

impl Report {
    pub(crate) fn new(
        from: (RunId, Op),
        tell: impl FnOnce(Option<NotTold>) + Send + 'static,
    ) -> Self {
        Self { from, tell: Box::new(tell) }
    }

    /// Tells it.
    pub(crate) fn give(self, why_not: Option<NotTold>) {
        (self.tell)(why_not);
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}

/// What is to know, in the commit in which an event has come, that it has.
pub(crate) enum Source {
    /// A run that sent it as this operation.
    Run(RunId, Op),
    /// A batch, in which it is this signal.
    Batch(Posted),
}

impl Source {
    /// Adds to a draft that the event has come.
    pub(crate) fn has_come<T>(&self, draft: Draft<T>) -> Draft<T> {
        match self {
            Self::Run(run, op) => draft.with_told(*run, *op),
            Self::Batch(posted) => draft.without_posted(posted),
        }
    }
}

/// Who waits for a turn to be on disk.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nobody.
    Nothing,
    /// Somebody who wants to know how the run stands then.
    Tell(oneshot::Sender<Result<RunStatus, EngineError>>),
    /// The caller of a webhook, of a hook, or who sent a signal, if that is answered so; with a place to
    /// wait if it is `manual`.
    Answer { caller: Caller, answer: Answer, place: Option<Place> },
    /// A run that sent it, which hears whether it was taken.
    Report(Report),
    /// A batch that it came in: whoever sent that was told already that it will be taken.
    Batch(Posted, #[expect(dead_code, reason = "it is held")] OnItsWay),
    /// One who waits for the answer of the workflow, which will come through this receiver.
    AnswerLater { caller: Caller, heard: oneshot::Receiver<Answered>, place: Place },
}

impl Then {
    /// What is to know that it has come, if anything is.
    pub(crate) fn source(&self) -> Option<Source> {
        match self {
            Self::Report(Report { from: (run, op), .. }) => Some(Source::Run(*run, *op)),
            Self::Batch(posted, _) => Some(Source::Batch(*posted)),
            Self::Nothing | Self::Tell(_) | Self::Answer { .. } | Self::AnswerLater { .. } => None,
        }
    }

    /// It is done, and the run stands so.
    pub(crate) fn done(self, status: RunStatus) {
        // Whoever has gone in the meantime needs no answer.
        match self {
            Self::Nothing | Self::Batch(..) => {}
            Self::Tell(asker) => drop(asker.send(Ok(status))),
            Self::Answer { caller, answer, .. } => {
                let response = match answer {
                    Answer::Fixed(response) => response,
                    Answer::Accepted | Answer::Manual => Response::accepted(),
                };
                drop(caller.send(Ok(Told::Reply(Reply::Now(response)))));
            }
            Self::Report(report) => report.give(None),
            Self::AnswerLater { caller, heard, place } => {
                drop(caller.send(Ok(Told::Reply(Reply::Later(heard, place)))));
            }
        }
    }

    /// It cannot be done.
    pub(crate) fn fail(self, error: EngineError) {
        match self {
            // It is on disk still, and the next host brings it again.
            Self::Nothing | Self::Batch(..) => {}
            Self::Report(report) => match error {
                EngineError::LeftOut | EngineError::Store(StoreError::Record { .. }) => {
                    report.give(Some(NotTold::LeftOut));
                }
                // The next host sends it again.
                _ => {}
            },
            Self::Tell(asker) => drop(asker.send(Err(error))),
            Self::Answer { caller, .. } | Self::AnswerLater { caller, .. } => {
                drop(caller.send(Err(error)))
            }
        }
    }

    /// The run does not take it.
    pub(crate) fn refuse(self, run: RunId, refusal: Refusal) {
        if let Self::Report(report) = self {
            return report.give(match refusal {
                Refusal::Ended | Refusal::NotOpen(_) => Some(NotTold::Ended),
                Refusal::Full => Some(NotTold::Full),
                // It is there, so it is done.
                Refusal::Repeated => None,
            });
        }
        let error = match (&self, refusal) {
            // It is there, so it is done.
            (_, Refusal::Repeated) => return self.done(RunStatus::Running),
            (Self::Tell(_), _) => EngineError::AlreadyEnded(run),
            (_, Refusal::Ended | Refusal::NotOpen(_)) => EngineError::InboxClosed,
            (_, Refusal::Full) => EngineError::InboxFull,
        };
        self.fail(error);
    }
}
