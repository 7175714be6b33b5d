//! Waiting for a moment.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Runtime;
use crate::types::Operation;

/// Asks at once to be woken at a moment, in milliseconds since 1970. One that is past is answered
/// at once, and none is early.
///
/// On replay no timer is armed; the moment is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn until(moment: u64) -> Sleep {
    Sleep(Runtime::here(|runtime| runtime.sleep_until(moment)))
}

/// A sleep that is under way. Dropping it gives it up, durably: the host forgets it.
#[derive(Debug)]
#[must_use = "a sleep that is dropped is given up"]
pub struct Sleep(Operation);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Runtime::here(|runtime| runtime.poll_answer(self.0, context)).map(drop)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.give_up_sleep(self.0));
    }
}
