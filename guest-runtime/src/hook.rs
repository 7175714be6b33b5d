//! Hooks: tokens that programs and people call with a JSON value.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::inbox::{Inbox, NextEvent};
use crate::runtime::Runtime;
use crate::types::Event;

/// Opens a hook with a token that the host draws, and that cannot be guessed. It is open before any step
/// of the same turn starts. `metadata` is JSON, for those who look the hook up.
///
/// On replay it has the token that it had.
///
/// # Panics
///
/// Where no run is here.
#[must_use]
pub fn create(metadata: Option<&str>) -> Hook {
    Hook::asked(None, metadata)
}

/// Opens a hook with this token, which has from 1 to 256 bytes; a host blocks a run that asks for another.
///
/// On replay token and metadata are compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn open(token: &str, metadata: Option<&str>) -> Opening {
    Opening { hook: Some(Hook::asked(Some(token), metadata)), waiter: None }
}

/// The token of a hook is that of another one which is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The run whose hook has it.
    pub owner: String,
}

/// A hook that waits to hear whether it has its token. Dropping it gives the hook up, durably.
#[derive(Debug)]
#[must_use = "nobody knows whether the hook has its token unless this is awaited"]
pub struct Opening {
    hook: Option<Hook>,
    waiter: Option<u64>,
}

impl Future for Opening {
    type Output = Result<Hook, Taken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { hook, waiter } = &mut *self;
        let opening = hook.as_ref().expect("it is polled no more after its answer");
        let polled = opening.inbox.poll_next(waiter, context);
        polled.map(|answer| {
            let hook = hook.take().expect("it was there");
            match answer {
                Some(Event::HookTaken(owner)) => Err(Taken { owner }),
                _ => Ok(hook),
            }
        })
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(hook) = &self.hook {
            Runtime::if_here(|runtime| runtime.give_up_inbox(&hook.inbox));
        }
    }
}

/// An open hook. What comes while nobody waits is kept in order.
///
/// Dropping it does not dispose of it: callers are still told that it was received, and nobody reads what
/// they send.
#[derive(Debug)]
pub struct Hook {
    inbox: Inbox,
    token: String,
    waiter: Option<u64>,
}

impl Hook {
    fn asked(token: Option<&str>, metadata: Option<&str>) -> Self {
        let created = Runtime::here(|runtime| runtime.create_hook(token, metadata));
        Self { inbox: Inbox::of(created.operation), token: created.token, waiter: None }
    }

    /// What it is called by.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Takes the oldest payload that was not yet taken, or waits for one: JSON. `None` once the hook is
    /// disposed of and everything is taken. Dropping the future loses nothing.
    pub fn next(&self) -> Next<'_> {
        Next(self.inbox.next())
    }

    /// The same without a future of its own: for streams.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<String>> {
        self.inbox.poll_next(&mut self.waiter, context).map(payload)
    }

    /// The same where it is dropped: the host hears of it at the end of the turn.
    pub fn dispose_late(&self) {
        Runtime::if_here(|runtime| runtime.give_up_inbox(&self.inbox));
    }

    /// Closes the hook: its token is free, and callers are told that there is no such hook. What came
    /// before can still be taken.
    pub fn dispose(&self) {
        self.inbox.close();
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.leave_inbox(&self.inbox));
    }
}

/// The future of [`Hook::next`].
#[derive(Debug)]
#[must_use = "nothing is taken unless this is awaited"]
pub struct Next<'a>(NextEvent<'a>);

impl Future for Next<'_> {
    type Output = Option<String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(payload)
    }
}

fn payload(event: Option<Event>) -> Option<String> {
    match event? {
        Event::Received(payload) => Some(payload),
        _ => unreachable!("after its answer, a hook only receives"),
    }
}
