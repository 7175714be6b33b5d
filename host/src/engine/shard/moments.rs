//! The moments of a run as a whole: when it begins, when its time is over, and when it is to have cleaned up.

use segno_journal::{Event, Op, RunId, Timestamp, Told};

use crate::engine::clock::in_ms;
use crate::engine::inbox::{CancelHow, Delivery, Then};
use crate::engine::outside::Outside;
use crate::engine::shard::Shard;
use crate::engine::shard::active::{Active, status_of};
use crate::store::{Draft, HeldEvent, Standing};

/// How long a run may clean up at least when its host comes back or it goes on, in milliseconds; less, where it had
/// less from the beginning.
const LEAST: u64 = 60_000;

/// How many compensations that did not run are named.
const NAMED: usize = 5;

impl Shard {
    /// Writes a new run that is to begin later, or when its host goes on: what it was given lies there until then.
    pub(super) fn begin_later(&mut self, id: RunId, input: String, then: Then) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        let status = status_of(&active.record.standing);
        let event = Event::Started { input };
        let position = active.held.put(&event);
        let held = HeldEvent { at: active.record.started_at, event };
        let draft = Draft::nothing().with_held(id, position, &held).with_run(id, &active.record);
        let draft = active.write_first(draft, false);
        let moments: Vec<_> = moments(active).collect();
        let outside = self.outside.clone();
        self.committer.submit(draft, move |written| match written {
            Ok(_) => {
                moments.into_iter().for_each(|at| outside.wake_at(at, id, Op::OF_THE_RUN));
                then.done(status);
            }
            Err(error) => {
                outside.unwritten(id, Vec::new(), &error);
                then.fail(error.into());
            }
        });
    }

    /// Sets the timers of a run that is on disk: for when it begins, and when its time is over. One that was told to
    /// end has some time for that, however long nobody let it.
    pub(super) fn watch_time(outside: &Outside, active: &mut Active) {
        let run = active.owner.run;
        if let Some(told) = active.run.told_to_end() {
            let least = told.until.since_ms(told.at).min(LEAST);
            let till = told.until.max(outside.now().plus_ms(least));
            outside.forget_moment(active.cleans_up_till, run);
            active.cleans_up_till = till;
        }
        moments(active).for_each(|at| outside.wake_at(at, run, Op::OF_THE_RUN));
    }

    /// Forgets the timers of a run that is over.
    pub(super) fn forget_time(&self, active: &Active) {
        let run = active.owner.run;
        let ends_at = active.record.times_out_at;
        let moments = active.record.begins_at.into_iter().chain(ends_at);
        let moments = moments.chain([active.cleans_up_till]);
        moments.for_each(|at| self.outside.forget_moment(at, run));
    }

    /// One of the moments of a run has come, perhaps.
    pub(super) fn due(&mut self, id: RunId) {
        if self.outside.is_paused() {
            // When the host goes on, its moments are watched again.
            return;
        }
        let now = self.outside.now();
        let Some(active) = self.runs.get_mut(&id).filter(|active| active.unread.is_none()) else {
            return;
        };
        let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        match active.run.told_to_end() {
            // One that is held up cannot clean up: it has the rest of its time when it goes on.
            Some(_) if active.is_held_up() => {}
            Some(told) if told.until.max(active.cleans_up_till) <= now => {
                let error = too_late(active, told);
                self.turn(id, Delivery::new(Event::Expired { error }, Then::Nothing));
            }
            None if active.record.standing == Standing::Pending
                && is_over(active.record.begins_at) =>
            {
                self.begin_pending(id);
            }
            None if is_over(active.record.times_out_at) => self.time_out(id),
            // The clock of the machine was set back.
            Some(_) | None => Self::watch_time(&self.outside, active),
        }
    }

    /// The moment has come at which a run begins. Its start is on disk, or no timer would say so.
    fn begin_pending(&mut self, id: RunId) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        Self::begins_now(&self.outside, active);
        active.stand(Standing::Running, self.outside.metrics());
        match self.store.first_held(id, 0) {
            Ok(Some((position, HeldEvent { event, .. }))) => {
                self.turn(id, Delivery::held(event, position));
                self.go_on_with_held(id);
            }
            Ok(None) => {}
            Err(error) => self.committer.give_up(error),
        }
    }

    /// A run begins: where that is later than it was to, its time counts from now.
    pub(super) fn begins_now(outside: &Outside, active: &mut Active) {
        let record = &mut active.record;
        let (Some(begins_at), Some(ends_at)) = (record.begins_at, record.times_out_at) else {
            return;
        };
        let ms = ends_at.since_ms(begins_at);
        outside.forget_moment(ends_at, active.owner.run);
        let now = outside.now().max(begins_at);
        (record.times_out_at, record.counts_from) = (Some(now.plus_ms(ms)), Some(now));
    }

    /// A run takes longer than it may: it cleans up if it has to, and has failed.
    fn time_out(&mut self, id: RunId) {
        let Some(active) = self.runs.get(&id) else { return };
        let ms = active.record.timeout().map_or(0, |(ms, _from)| ms);
        let error = format!("the run took longer than its time-out of {}", in_words(ms));
        let event = if active.run.cleans_up() {
            let within_ms = in_ms(CancelHow::WITHIN);
            Event::Cancelling { by: None, error: Some(error), within_ms }
        } else {
            Event::Expired { error }
        };
        self.turn(id, Delivery::new(event, Then::Nothing));
    }
}

/// The moments for which a run that is on disk has timers, besides those of its operations.
fn moments(active: &Active) -> impl Iterator<Item = Timestamp> {
    let begins_at = active.record.begins_at.filter(|_| active.record.standing == Standing::Pending);
    let told = active.run.told_to_end();
    let ends_at = active.record.times_out_at.filter(|_| told.is_none());
    let until = told.map(|told| told.until.max(active.cleans_up_till));
    begins_at.into_iter().chain(ends_at).chain(until)
}

/// Why a run has failed that has not cleaned up in time.
fn too_late(active: &Active, told: &Told) -> String {
    let unwinds = active.run.ending().and_then(|ending| ending.unwinds.as_ref());
    let error = unwinds.and_then(|unwinds| unwinds.error.as_deref()).or(told.error.as_deref());
    let why = error.unwrap_or("the run was cancelled");
    let mut left: Vec<_> =
        active.run.compensations().map(|(_, open)| format!("`{}`", open.name)).collect();
    let more = if left.len() > NAMED { ", …" } else { "" };
    left.truncate(NAMED);
    let left = match left.is_empty() {
        true => String::new(),
        false => format!("; not undone: {}{more}", left.join(", ")),
    };
    let time = in_words(told.until.since_ms(told.at));
    format!("{why}, but did not clean up within {time}{left}")
}

/// A duration as people write it.
fn in_words(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { format!("{} s", ms / 1_000) } else { format!("{ms} ms") }
}
