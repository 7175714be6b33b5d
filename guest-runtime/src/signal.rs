//! Signals: what is sent to the run under a name.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::inbox::{Inbox, NextEvent};
use crate::runtime::Runtime;
use crate::types::{Event, Signal};

/// Takes in the signals of a name: those that came before and were not taken, and those that come. A name
/// has from 1 to 128 bytes; a host blocks a run that asks for another.
///
/// On replay the name is compared with the record.
///
/// # Panics
///
/// Where no run is here.
#[must_use]
pub fn open(name: &str) -> Signals {
    Signals { inbox: Runtime::here(|runtime| runtime.open_signal(name)), waiter: None }
}

/// The signals of a name. What comes while nobody waits is kept in order. Two of one name take from the
/// same signals.
///
/// Dropping it says that nobody waits for them; those that are left, and those that come, wait for the
/// next who opens the name.
#[derive(Debug)]
pub struct Signals {
    inbox: Inbox,
    waiter: Option<u64>,
}

impl Signals {
    /// Takes the oldest signal of the name that was not yet taken, or waits for one. Dropping the future
    /// loses nothing.
    pub fn next(&self) -> Next<'_> {
        Next(self.inbox.next())
    }

    /// The same without a future of its own: for streams.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Signal> {
        self.inbox.poll_next(&mut self.waiter, context).map(signal)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Who waits does so for a name, which others may wait for as well.
        if let Some(waiter) = self.waiter {
            Runtime::if_here(|runtime| runtime.forget_waiter(&self.inbox, waiter));
        }
        Runtime::if_here(|runtime| runtime.give_up_inbox(&self.inbox));
    }
}

/// The future of [`Signals::next`].
#[derive(Debug)]
#[must_use = "no signal is taken unless this is awaited"]
pub struct Next<'a>(NextEvent<'a>);

impl Future for Next<'_> {
    type Output = Signal;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(signal)
    }
}

fn signal(event: Option<Event>) -> Signal {
    match event {
        Some(Event::Signalled(signal)) => signal,
        _ => unreachable!("signals of a name never end, and nothing else comes to them"),
    }
}
