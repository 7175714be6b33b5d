//! Ending a run from outside whose state is known here: at once, or when it has cleaned up.

use segno_journal::{Event, RunId, Told};

use crate::engine::inbox::{Asker, CancelHow, Delivery, Then};
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;

/// How many compensations that did not run are named.
const NAMED: usize = 5;

impl Shard {
    /// Somebody cancels a run. One that has something to clean up is told, once, and ends when it has done so.
    pub(super) fn cancel(&mut self, id: RunId, by: Asker, how: CancelHow, then: Then) {
        let active = self.runs.get(&id).filter(|active| active.unread.is_none());
        let event = match active {
            Some(active) if !how.kill && active.run.cleans_up() => {
                let within_ms = u64::try_from(how.within.as_millis()).unwrap_or(u64::MAX);
                Event::Cancelling { by: by.into_name(), error: None, within_ms }
            }
            _ => {
                self.note_cancel(id, by);
                Event::Cancelled
            }
        };
        self.turn(id, Delivery::new(event, then));
    }

    /// The time of a run is over, if it is: it ends without its workflow.
    pub(super) fn expire(&mut self, id: RunId) {
        let now = self.outside.now();
        let Some(active) = self.runs.get(&id) else { return };
        let told = active.run.told_to_end().filter(|told| told.until <= now);
        if let Some(told) = told {
            let event = Event::Expired { error: too_late(active, told) };
            self.turn(id, Delivery::new(event, Then::Nothing));
        }
    }
}

/// Why a run has failed that has not cleaned up in time.
fn too_late(active: &Active, told: &Told) -> String {
    let why = told.error.as_deref().unwrap_or("the run was cancelled");
    let mut left: Vec<_> =
        active.run.compensations().map(|(_, open)| format!("`{}`", open.name)).collect();
    let more = if left.len() > NAMED { ", …" } else { "" };
    left.truncate(NAMED);
    let left = match left.is_empty() {
        true => String::new(),
        false => format!("; not undone: {}{more}", left.join(", ")),
    };
    let seconds = told.until.since_ms(told.at) / 1_000;
    format!("{why}, but did not clean up within {seconds} s{left}")
}
