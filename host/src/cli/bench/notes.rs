//! What the steps of the measured host write down, and how another process reads it.
//!
//! A moment is a number of nanoseconds since 1970, by the clock of the machine, which is the same in
//! both processes.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use segno::native::{Step, StepPolicy};
use segno::{StepContext, StepError, Steps};
use tokio::sync::Notify;

/// A number that a workflow noted, and the moment at which the step began.
pub(super) type Note = (u64, i64);

/// What was noted. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// As many are there as somebody waits for.
    enough: Notify,
}

#[derive(Default)]
struct State {
    notes: Vec<Note>,
    wanted: usize,
}

impl Notes {
    /// The steps of a host that is measured: `note` writes its number down, `blank` does nothing, and
    /// `chunks` writes to a stream.
    pub(super) fn steps(&self) -> Steps {
        let notes = self.clone();
        let note = Step::from_fn("note", "number", StepPolicy::default(), move |number: u64| {
            notes.add((number, now()));
            async { Ok(()) }
        });
        let blank =
            Step::new("blank", StepPolicy::default(), |_input| async { Ok("null".to_owned()) });
        let chunks = Step::from_fn("chunks", "count", StepPolicy::default(), write);
        Steps::new().with(note).with(blank).with(chunks)
    }

    /// Takes all that was noted, once there are so many.
    pub(super) async fn take(&self, count: usize) -> Vec<Note> {
        loop {
            let enough = self.0.enough.notified();
            {
                let mut state = self.0.state.lock();
                if state.notes.len() >= count {
                    return std::mem::take(&mut state.notes);
                }
                state.wanted = count;
            }
            enough.await;
        }
    }

    fn add(&self, note: Note) {
        let mut state = self.0.state.lock();
        state.notes.push(note);
        if state.notes.len() == state.wanted {
            self.0.enough.notify_one();
        }
    }
}

/// Writes so many chunks to the stream `words`, each as long as a word or two.
async fn write(count: u64) -> Result<(), StepError> {
    let words = StepContext::current().stream("words");
    for number in 0..count {
        words.write(format!("chunk {number:>10}")).await?;
    }
    Ok(())
}

/// This moment. After the year 2262 it would not fit.
pub(super) fn now() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// The milliseconds from one moment to another.
pub(super) fn ms_between(earlier: i64, later: i64) -> f64 {
    later.saturating_sub(earlier) as f64 / 1e6
}
