//! What is sent to a run from outside: calls of its webhooks and hooks, signals, and that it is to wake.

use segno_api::RunStatus;
use segno_journal::{Answer, Command, Event, KnownSignal, Op, Open, Response, RunId, Signal, Turn};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Asker, Caller, Delivery, Reply, Then};
use crate::engine::shard::Shard;
use crate::store::{Draft, Store, StoreError};

impl Shard {
    /// Somebody called a webhook or a hook of a run, or sent it a signal; `waits` says whether they wait for
    /// the answer to the signal.
    pub(super) fn call(&mut self, id: RunId, event: Event, waits: bool, caller: Caller) {
        if let Event::Signalled { signal } = &event
            && let Some(known) = self.known_signal(id, signal)
        {
            return self.called_again(id, signal, known, (waits, caller));
        }
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

    /// Somebody ends sleeps of a run early. Each is a turn, as when its time had come; what the first of them
    /// makes the workflow give up is not ended any more.
    pub(super) fn wake(&mut self, id: RunId, op: Option<Op>, by: Asker, then: Then) {
        let Some(active) = self.runs.get(&id) else {
            return then.fail(EngineError::AlreadyEnded(id));
        };
        let sleeps = active.run.open().filter(|(_, open)| open.sleeps_until().is_some());
        let meant = sleeps.filter(|(sleep, _)| op.is_none_or(|op| op == *sleep));
        let meant: Vec<_> = meant.map(|(sleep, _)| sleep).collect();
        if meant.is_empty() {
            return then.fail(EngineError::NothingToWake(id));
        }
        let by = by.into_name();
        for op in meant {
            self.turn(id, Delivery::new(Event::Woken { op, by: by.clone() }, Then::Nothing));
        }
        self.committer.submit(Draft::nothing(), move |written| match written {
            Ok(_) => then.done(RunStatus::Running),
            Err(error) => then.fail(error.into()),
        });
    }

    fn answer_of_webhook(&self, id: RunId, event: &Event) -> Answer {
        let operation = self.runs.get(&id).and_then(|active| active.run.operation(event.op()?));
        let webhook = operation.and_then(Open::webhook);
        webhook.map_or(Answer::Accepted, |webhook| webhook.answer.clone())
    }

    /// The signal that came with the key of this one, if one did.
    fn known_signal(&self, id: RunId, signal: &Signal) -> Option<KnownSignal> {
        self.runs.get(&id)?.run.signals()?.known(signal.key.as_ref()?).cloned()
    }

    /// A signal is sent again: nothing happens, and whoever waits gets the answer that the first one got.
    /// What is told follows from what may not be on disk yet, so it waits for that.
    fn called_again(
        &self,
        id: RunId,
        signal: &Signal,
        known: KnownSignal,
        (waits, caller): (bool, Caller),
    ) {
        let KnownSignal { key: _, name, number, answered_in } = known;
        let store = self.store.clone();
        let reply: Box<dyn FnOnce() -> Result<Reply, EngineError> + Send> =
            match (waits, answered_in) {
                _ if name != signal.name => Box::new(move || Err(EngineError::OtherSignal(id))),
                (false, _) => Box::new(|| Ok(Reply::Now(Response::accepted()))),
                (true, Some(turn)) => {
                    Box::new(move || answer_in(&store, id, turn, number).map(Reply::Now))
                }
                (true, None) => match self.outside.waiters().place_for_answer() {
                    Ok(place) => {
                        let heard = self.outside.waiters().expect_same_answer(id, number);
                        Box::new(|| Ok(Reply::Later(heard, place)))
                    }
                    Err(error) => Box::new(|| Err(error)),
                },
            };
        self.committer.submit(Draft::nothing(), move |written| {
            let reply = written.map_err(EngineError::from).and_then(|_| reply());
            let _gone = caller.send(reply);
        });
    }
}

/// What a run answered to a signal, in this turn.
fn answer_in(store: &Store, run: RunId, turn: u64, number: u64) -> Result<Response, EngineError> {
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
