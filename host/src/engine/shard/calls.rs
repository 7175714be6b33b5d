//! What is sent to a run from outside: calls of its webhooks and hooks, signals, and that it is to wake.

use std::collections::VecDeque;

use segno_api::RunStatus;
use segno_journal::{Answer, Event, KnownSignal, Op, Open, Response, RunId, Signal};

use crate::engine::error::EngineError;
use crate::engine::inbox::{
    Asker, Caller, Delivery, First, Message, Place, Reply, Sleeps, Then, Told,
};
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::store::{Draft, RunRecord, Standing};

impl Shard {
    /// A run is started, perhaps with signals that it is sent: they lie behind its first turn.
    pub(super) fn start(
        &mut self,
        (run, record): (RunId, RunRecord),
        input: String,
        first: Box<First>,
        then: Then,
    ) {
        let begins_later = record.standing == Standing::Pending;
        self.take_in(run, Active { first: Some(first), ..Active::new(run, record) });
        if begins_later || self.outside.is_paused() {
            return self.begin_later(run, input, then);
        }
        self.turn(run, Delivery::new(Event::Started { input }, then));
        self.go_on_with_held(run);
    }

    /// Somebody called a webhook or a hook of a run, or sent it a signal; `waits` says whether they wait for
    /// the answer to the signal.
    pub(super) fn call(&mut self, id: RunId, event: Event, waits: bool, caller: Caller) {
        let answer = match &event {
            Event::Signalled { .. } if waits => Answer::Manual,
            _ => self.answer_of_webhook(id, &event),
        };
        let place = match answer {
            Answer::Manual => self.outside.waiters().place_for_answer().map(Some),
            Answer::Accepted | Answer::Fixed(_) => Ok(None),
        };
        match place {
            Ok(place) => {
                let then = Then::Answer { caller, answer, place };
                self.turn(id, Delivery::new(event, then));
            }
            // Whoever has gone in the meantime needs no answer.
            Err(error) => drop(caller.send(Err(error))),
        }
    }

    /// Somebody ends sleeps of a run early. Each is a turn, as when its time had come, and others have theirs
    /// in between; what one of them makes the workflow give up is not ended any more.
    pub(super) fn wake(&mut self, id: RunId, sleeps: Sleeps, by: Asker, then: Then) {
        let mut left = match self.to_wake(id, sleeps) {
            Ok(left) => left,
            Err(error) => return then.fail(error),
        };
        let Some(op) = left.pop_front() else {
            return self.committer.submit(Draft::nothing(), move |written| match written {
                Ok(_) => then.done(RunStatus::Running),
                Err(error) => then.fail(error.into()),
            });
        };
        let event = Event::Woken { op, by: by.name().map(str::to_owned) };
        if left.is_empty() {
            return self.turn(id, Delivery::new(event, then));
        }
        self.turn(id, Delivery::new(event, Then::Nothing));
        let sleeps = Sleeps::Left(left);
        self.outside.tell(id, Message::Wake { run: id, sleeps, by, then });
    }

    /// The sleeps that are to be ended, if any can be. A run that cannot have its turn now would have to keep
    /// what it is told, as often as somebody tells it.
    fn to_wake(&self, id: RunId, sleeps: Sleeps) -> Result<VecDeque<Op>, EngineError> {
        let active = match (self.runs.get(&id), self.unreadable.get(&id)) {
            (Some(active), _) => active,
            (None, Some(damage)) => return Err(damage.clone().into()),
            // The first of them ended it.
            (None, None) if matches!(sleeps, Sleeps::Left(_)) => return Ok(VecDeque::new()),
            (None, None) => return Err(EngineError::AlreadyEnded(id)),
        };
        if let Some(unread) = &active.unread {
            return Err(unread.refusal());
        }
        if self.outside.is_paused() {
            return Err(EngineError::IsBlocked(id));
        }
        match active.record.standing {
            Standing::Blocked(_) | Standing::Paused(_) => return Err(EngineError::IsBlocked(id)),
            Standing::Pending => return Err(EngineError::NothingToWake(id)),
            _ => {}
        }
        if !active.held.is_empty() || self.awaiting_room.has(id) {
            return Err(EngineError::Busy);
        }
        let sleeps_now = |op: Op| active.run.operation(op).and_then(Open::sleeps_until).is_some();
        let found: VecDeque<_> = match sleeps {
            Sleeps::All => {
                let open = active.run.open().filter(|(_, open)| open.sleeps_until().is_some());
                open.map(|(op, _)| op).collect()
            }
            Sleeps::One(op) => sleeps_now(op).then_some(op).into_iter().collect(),
            Sleeps::Left(mut left) => {
                while left.front().is_some_and(|op| !sleeps_now(*op)) {
                    left.pop_front();
                }
                return Ok(left);
            }
        };
        if found.is_empty() { Err(EngineError::NothingToWake(id)) } else { Ok(found) }
    }

    fn answer_of_webhook(&self, id: RunId, event: &Event) -> Answer {
        let operation = self.runs.get(&id).and_then(|active| active.run.operation(event.op()?));
        let webhook = operation.and_then(Open::webhook);
        webhook.map_or(Answer::Accepted, |webhook| webhook.answer.clone())
    }

    /// A signal is sent again: nothing happens, and whoever waits for the answer, with a place, gets the one
    /// that the first one got. What is told follows from what may not be on disk yet, so it waits for that.
    pub(super) fn called_again(
        &self,
        id: RunId,
        signal: &Signal,
        (caller, place): (Caller, Option<Place>),
    ) {
        let key = signal.key.as_deref().unwrap_or_default();
        let known = self.runs.get(&id).and_then(|active| active.known_signal(key));
        let reply = match (known, place) {
            (Some((name, _)), _) if name != signal.name => Err(EngineError::OtherSignal(id)),
            (Some((_, Some(&KnownSignal { answered_in: Some(turn), number, .. }))), Some(_)) => {
                Ok(Told::Answered { turn, number })
            }
            (Some((_, Some(&KnownSignal { number, .. }))), Some(place)) => {
                let heard = self.outside.waiters().expect_same_answer(id, number);
                Ok(Told::Reply(Reply::Later(heard, place)))
            }
            // It is there. Of one that is held nobody knows when it will be answered.
            (_, _) => Ok(Told::Reply(Reply::Now(Response::accepted()))),
        };
        self.committer.submit(Draft::nothing(), move |written| {
            let _gone = caller.send(written.map_err(EngineError::from).and(reply));
        });
    }
}
