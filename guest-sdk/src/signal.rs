//! Signals: what programs and people send to a run under a name, and what it answers.

use std::fmt::Display;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;
use segno_guest_runtime::types::Response;
use segno_guest_runtime::{inbox, signal as guest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{log, word};

/// The status of a refusal that names none: the run is not as it would have to be.
const CONFLICT: u16 = 409;

/// The status of what does not fit.
const UNPROCESSABLE: u16 = 422;

/// Takes in the signals of a name: what whoever may operate the host sends to this run with
/// `POST /v1/runs/{id}/signals/{name}`, in order.
///
/// A signal that comes before the workflow takes in its name waits. Its sender may wait for an answer,
/// which makes it what others call an *update*:
///
/// ```no_run
/// use segno::{Error, signals};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Address {
///     street: String,
/// }
///
/// #[segno::workflow]
/// pub async fn order(shipped: bool) -> Result<(), Error> {
///     let addresses = signals::<Address>("change_address");
///     loop {
///         let change = addresses.next().await;
///         if shipped {
///             change.refuse("the parcel is on its way");
///             continue;
///         }
///         change.respond(&change.value.street);
///     }
/// }
/// ```
///
/// A signal is on disk before its sender hears anything. **What does not fit `T` is refused** with 422 and
/// the reason, the log of the run has a warning, and the next signal is taken. Take a
/// [`serde_json::Value`] to see all.
///
/// # Panics
///
/// Outside of a host, and where the name has not from 1 to 128 bytes, or has control characters: this
/// blocks the run, and a repaired component lets it go on.
#[must_use = "nothing is taken in by what is dropped"]
pub fn signals<T: DeserializeOwned>(name: &str) -> Signals<T> {
    word::check("a signal", name);
    Signals { signals: guest::open(name), value: PhantomData }
}

/// The signals of a name: see [`signals`]. Two of one name take from the same signals.
///
/// Dropping it says that nobody waits for them; those that are left, and those that come, wait for the
/// next who takes in their name.
#[derive(Debug)]
pub struct Signals<T> {
    signals: guest::Signals,
    value: PhantomData<fn() -> T>,
}

/// One signal, and the way to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal<T> {
    /// The number of this signal in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// What was sent.
    pub value: T,
}

impl<T> Signal<T> {
    /// Answers who waits for it, with what is written as JSON. The first answer counts. It is recorded:
    /// who asked with a key may ask again, and gets the same.
    ///
    /// On replay nobody is answered.
    ///
    /// # Panics
    ///
    /// When the answer cannot be written as JSON: this blocks the run, and a repaired component lets it go
    /// on.
    pub fn respond(&self, answer: impl Serialize) {
        let body = serde_json::to_vec(&answer);
        let body = body.unwrap_or_else(|error| panic!("the answer to a signal: {error}"));
        respond(self.number, 200, "application/json", body);
    }

    /// Refuses it: who waits for it gets status 409 and this sentence.
    pub fn refuse(&self, reason: impl Display) {
        self.refuse_with(CONFLICT, reason);
    }

    /// Refuses it with a status of its own, from 400 to 499; 409 stands for any other.
    pub fn refuse_with(&self, status: u16, reason: impl Display) {
        refuse(self.number, status, &reason);
    }
}

fn refuse(number: u64, status: u16, reason: &dyn Display) {
    let status = if (400..=499).contains(&status) { status } else { CONFLICT };
    respond(number, status, "text/plain; charset=utf-8", reason.to_string().into_bytes());
}

fn respond(number: u64, status: u16, content_type: &str, body: Vec<u8>) {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    inbox::respond(number, Response { status, headers, body });
}

impl<T: DeserializeOwned> Signals<T> {
    /// Takes the oldest signal that was not yet taken, or waits for one.
    ///
    /// Dropping this future, for example because a sleep was faster, loses nothing.
    pub fn next(&self) -> Next<'_, T> {
        Next { next: self.signals.next(), value: PhantomData }
    }
}

/// What was sent, if it fits.
fn read<T: DeserializeOwned>(signal: segno_guest_runtime::types::Signal) -> Option<Signal<T>> {
    let segno_guest_runtime::types::Signal { number, name, payload } = signal;
    match serde_json::from_str(&payload) {
        Ok(value) => Some(Signal { number, value }),
        Err(error) => {
            log::warn!("signal {number} is left out: it does not fit `{name}`: {error}");
            refuse(number, UNPROCESSABLE, &format_args!("it does not fit `{name}`: {error}"));
            None
        }
    }
}

/// The signals in the order of arrival. It never ends.
impl<T: DeserializeOwned> Stream for Signals<T> {
    type Item = Signal<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Signal<T>>> {
        loop {
            match self.signals.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(signal) => {
                    if let Some(signal) = read(signal) {
                        return Poll::Ready(Some(signal));
                    }
                }
            }
        }
    }
}

/// The future of [`Signals::next`].
#[derive(Debug)]
#[must_use = "no signal is taken unless this is awaited"]
pub struct Next<'a, T> {
    next: guest::Next<'a>,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Future for Next<'_, T> {
    type Output = Signal<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Signal<T>> {
        loop {
            match Pin::new(&mut self.next).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(signal) => {
                    if let Some(signal) = read(signal) {
                        return Poll::Ready(signal);
                    }
                }
            }
        }
    }
}
