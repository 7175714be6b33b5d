//! A run that has not ended, as its shard knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use segno_api::RunStatus;
use segno_journal::{
    Event, KnownSignal, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, Op, Open, Refusal, Run, RunId, Status,
    Stream, Timestamp,
};

use crate::engine::admission::Member;
use crate::engine::error::EngineError;
use crate::engine::guests::{Images, RunAt};
use crate::engine::inbox::{Delivery, First};
use crate::engine::metrics::Metrics;
use crate::engine::outside::Owner;
use crate::engine::shard::open_budget::Share;
use crate::store::{self, Draft, HeldEvent, Recalled, RunRecord, Standing, StoreError};

/// The state of a run, and what its shard keeps beside it.
pub(crate) struct Active {
    pub(crate) owner: Owner,
    pub(crate) record: RunRecord,
    pub(crate) run: Run,
    /// When its last turn was: time in a run never goes back, whatever the machine's clock does.
    pub(crate) last_at: Timestamp,
    /// What its open operations take of the room that all runs share.
    pub(crate) share: Share,
    /// What is held.
    pub(crate) held: HeldEvents,
    /// The number of its next note, once it has had one in this life of the host.
    pub(crate) next_note: Option<u64>,
    /// How long it may clean up in any case since it went on, or its host came back.
    pub(crate) cleans_up_till: Timestamp,
    /// Its images, and the journal behind them.
    pub(crate) images: Images,
    /// Its streams, if one was written to lately.
    pub(crate) streams: Option<Box<Streams>>,
    /// The names of its attributes, if its workflow changed one lately.
    pub(crate) attributes: Option<BTreeSet<String>>,
    /// What belongs to its first commit, until then.
    pub(crate) first: Option<Box<First>>,
    /// That it counts as one of its family, if it is a child.
    #[expect(dead_code, reason = "it is held")]
    pub(crate) member: Option<Box<Member>>,
    /// Why its state is not known, if it is not: then nothing may happen to it.
    pub(crate) unread: Option<Box<Unread>>,
}

/// Where the streams of a run begin and end, by their names.
pub(crate) type Streams = BTreeMap<String, Stream>;

/// Why the state of a run is not known.
#[derive(Debug)]
pub(crate) enum Unread {
    /// Its journal cannot be read.
    Damaged(StoreError),
    /// It is left alone until somebody resumes it.
    Left,
}

impl Unread {
    /// What is said of it to whoever brings something for the run.
    pub(crate) fn refusal(&self) -> EngineError {
        match self {
            Self::Damaged(error) => error.clone().into(),
            Self::Left => EngineError::LeftOut,
        }
    }
}

impl Active {
    pub(crate) fn new(id: RunId, record: RunRecord) -> Self {
        Self {
            owner: Owner {
                run: id,
                workflow: Arc::clone(&record.workflow),
                started_at: record.started_at,
                parent: record.parent.clone(),
                calls: record.on_end.is_some(),
            },
            last_at: record.started_at,
            record,
            run: Run::new(),
            share: Share::default(),
            held: HeldEvents::default(),
            next_note: None,
            cleans_up_till: Timestamp(0),
            images: Images::default(),
            streams: None,
            attributes: None,
            first: None,
            member: None,
            unread: None,
        }
    }

    /// Adds to the draft of its first commit what belongs to that. The signals that came with the start lie
    /// behind it, unless the run has ended.
    pub(crate) fn write_first<T>(&mut self, draft: Draft<T>, has_ended: bool) -> Draft<T> {
        let Some(First { key, signals, attributes }) = self.first.take().map(|first| *first) else {
            return draft;
        };
        let id = self.owner.run;
        let mut draft = draft.with_attributes(id, &attributes);
        draft = draft.with_key(&self.record.workflow, key, id);
        if !has_ended {
            self.held.leave_room_for_the_start();
            for signal in signals {
                let event = Event::Signalled { signal };
                let position = self.held.put(&event);
                draft = draft.with_held(id, position, &HeldEvent { at: self.last_at, event });
            }
        }
        draft
    }

    /// The run, where it is.
    pub(crate) fn at(&self) -> RunAt<'_> {
        RunAt {
            id: self.owner.run,
            record: &self.record,
            state: &self.run,
            turns: self.run.turns(),
            images: &self.images,
            last_at: self.last_at,
        }
    }

    /// It stands so from now on; how many are blocked is counted.
    pub(crate) fn stand(&mut self, standing: Standing, metrics: &Metrics) {
        metrics.blocked(self.record.standing.blocked_by(), standing.blocked_by());
        self.record.standing = standing;
    }

    /// Whether what happens to it is held.
    pub(crate) const fn is_held_up(&self) -> bool {
        self.record.standing.holds()
    }

    /// Whether the event has to wait: the run is held up, or what was held comes first. Only an end
    /// from outside waits for nothing.
    pub(crate) fn must_wait(&self, delivery: &Delivery) -> bool {
        let comes_later = delivery.held.is_none() && !self.held.is_empty();
        (self.is_held_up() || comes_later) && delivery.event.ends().is_none()
    }

    /// Whether the event can be delivered. What was held, or came in a batch, was admitted before, and its sender
    /// has been told so. To a hook that `opens` with an event that waits, more can be sent behind that; and to a run whose
    /// start waits, signals.
    pub(crate) fn admits(&self, delivery: &Delivery, opens: bool) -> Result<(), Refusal> {
        let Delivery { event, held, .. } = delivery;
        let admitted = match self.run.admits(event) {
            Err(Refusal::NotOpen(_)) if self.waits_to_begin(event) => Ok(()),
            admitted => admitted,
        };
        match admitted {
            Err(Refusal::Full) if delivery.is_promised() => Ok(()),
            Err(Refusal::NotOpen(op)) if opens && self.is_hook(op) => Ok(()),
            Ok(()) if held.is_none() && self.held.knows(event) => Err(Refusal::Repeated),
            admitted => admitted,
        }
    }

    /// Whether the run has not begun, and is to have this behind its start.
    fn waits_to_begin(&self, event: &Event) -> bool {
        let has_start = self.run.status() == &Status::Pending && !self.held.is_empty();
        has_start && matches!(event, Event::Signalled { .. })
    }

    fn is_hook(&self, op: Op) -> bool {
        self.run.operation(op).and_then(Open::hook).is_some_and(|hook| !hook.disposed)
    }

    /// The signal that came with this key, if one is known: its name, and what the run knows of it once it
    /// has been told.
    pub(crate) fn known_signal(&self, key: &str) -> Option<(&str, Option<&KnownSignal>)> {
        let told = self.run.signals().and_then(|signals| signals.known(key));
        match told {
            Some(known) => Some((&known.name, Some(known))),
            None => self.held.keys.get(key).map(|name| (name.as_str(), None)),
        }
    }

    /// The time of the next turn: now, but never before the last turn, nor before the moment that a
    /// sleep was to end, whatever the machine's clock does.
    pub(crate) fn next_at(&self, event: &Event, now: Timestamp) -> Timestamp {
        let until = match event {
            Event::Slept { op } => self.run.operation(*op).and_then(Open::sleeps_until),
            _ => None,
        };
        now.max(self.last_at).max(until.unwrap_or_default())
    }
}

/// How a run that stands so is shown.
pub(crate) const fn status_of(standing: &Standing) -> RunStatus {
    shown(standing.status())
}

/// A status as it is shown.
pub(crate) const fn shown(status: store::Status) -> RunStatus {
    match status {
        store::Status::Running => RunStatus::Running,
        store::Status::Blocked => RunStatus::Blocked,
        store::Status::Completed => RunStatus::Completed,
        store::Status::Failed => RunStatus::Failed,
        store::Status::Cancelled => RunStatus::Cancelled,
        store::Status::Pending => RunStatus::Pending,
        store::Status::Paused => RunStatus::Paused,
    }
}

/// What is held of a run: how much, and where the next event goes.
#[derive(Debug, Default)]
pub(crate) struct HeldEvents {
    /// The first position that has not had its turn, where there is one.
    first: u64,
    next: u64,
    events: usize,
    untaken: usize,
    bytes: usize,
    /// The names of the signals among them that have a key, by that.
    keys: BTreeMap<String, String>,
    /// The hooks that hear by one of them that they have their token.
    opening: BTreeSet<Op>,
    /// The children of which one of them is the end.
    ended: BTreeSet<Op>,
    /// Whether the run is told to end by one of them.
    cancelling: bool,
}

impl HeldEvents {
    /// The line of a run, as it is on disk.
    pub(crate) fn read(recalled: &Recalled) -> Result<Self, StoreError> {
        let mut line = Self::default();
        recalled.visit_held(|position, held| line.add(position, &held.event))?;
        Ok(line)
    }

    /// The first position is that of the start of the run, whether or not it lies there.
    const fn leave_room_for_the_start(&mut self) {
        if self.next == 0 {
            (self.first, self.next) = (1, 1);
        }
    }

    /// Adds an event that lies at this position, behind all others.
    pub(crate) fn add(&mut self, position: u64, event: &Event) {
        if self.is_empty() {
            self.first = position;
        }
        self.count(event);
        self.next = position.saturating_add(1);
    }

    /// Whether all that was held has had its turn.
    pub(crate) const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Where the events may lie that have not had their turn.
    pub(crate) fn positions(&self) -> std::ops::Range<u64> {
        if self.is_empty() { 0..0 } else { self.first..self.next }
    }

    /// Whether there is room for the event. Only what comes from outside is bounded: what else can happen to a
    /// run is bounded by what it has asked for.
    pub(crate) fn admits(&self, event: &Event) -> Result<(), Refusal> {
        event.untaken().map_or(Ok(()), |size| self.has_room(1, size))
    }

    /// Whether there is room for so many more that come from outside, of so many bytes in all.
    pub(crate) fn has_room(&self, more: usize, bytes: usize) -> Result<(), Refusal> {
        let is_full = self.untaken + more > MAX_UNTAKEN || self.bytes + bytes > MAX_UNTAKEN_BYTES;
        if is_full { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Puts an event at the end, and gives its position.
    pub(crate) fn put(&mut self, event: &Event) -> u64 {
        self.count(event);
        self.next += 1;
        self.next - 1
    }

    /// The event that was held at this position has had its turn: they have it in their order.
    pub(crate) fn take(&mut self, position: u64, event: &Event) {
        self.first = position + 1;
        self.events = self.events.saturating_sub(1);
        if let Some(size) = event.untaken() {
            self.untaken = self.untaken.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(size);
        }
        if let Some((key, _)) = keyed(event) {
            self.keys.remove(key);
        }
        match event {
            Event::HookOpened { op } => drop(self.opening.remove(op)),
            Event::ChildEnded { op, .. } => drop(self.ended.remove(op)),
            Event::Cancelling { .. } => self.cancelling = false,
            _ => {}
        }
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        if let Some(size) = event.untaken() {
            self.untaken += 1;
            self.bytes += size;
        }
        if let Some((key, name)) = keyed(event) {
            self.keys.insert(key.clone(), name.clone());
        }
        match event {
            Event::HookOpened { op } => drop(self.opening.insert(*op)),
            Event::ChildEnded { op, .. } => drop(self.ended.insert(*op)),
            Event::Cancelling { .. } => self.cancelling = true,
            _ => {}
        }
    }

    /// Whether a hook hears by an event that lies here that it has its token.
    pub(crate) fn opens(&self, op: Op) -> bool {
        self.opening.contains(&op)
    }

    /// Whether the end of a child lies here.
    pub(crate) fn has_end_of(&self, op: Op) -> bool {
        self.ended.contains(&op)
    }

    /// Whether the run is told to end by an event that lies here.
    pub(crate) const fn is_cancelling(&self) -> bool {
        self.cancelling
    }

    /// Whether the same lies here: a signal with the same key, or that the run is to end.
    fn knows(&self, event: &Event) -> bool {
        match event {
            Event::Cancelling { .. } => self.cancelling,
            event => keyed(event).is_some_and(|(key, _)| self.keys.contains_key(key)),
        }
    }
}

/// The key and the name of a signal that has a key.
fn keyed(event: &Event) -> Option<(&String, &String)> {
    match event {
        Event::Signalled { signal } => Some((signal.key.as_ref()?, &signal.name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Op;

    use super::*;
    use crate::store::HeldEvent;

    #[test]
    fn what_is_held_begins_at_the_first_event_that_has_not_had_its_turn() {
        let event = Event::Slept { op: Op(1) };
        let mut line = HeldEvents::default();
        for position in 0..5 {
            assert_eq!(line.put(&event), position);
        }
        line.take(0, &event);
        line.take(1, &event);
        assert_eq!(line.positions(), 2..5);
        let at = Timestamp(0);
        let again: Vec<_> =
            (2..5).map(|position| (position, HeldEvent { at, event: event.clone() })).collect();
        let mut line = HeldEvents::default();
        again.iter().for_each(|(position, held)| line.add(*position, &held.event));
        assert_eq!((line.positions(), line.put(&event)), (2..5, 5));
        (2..6).for_each(|position| line.take(position, &event));
        assert_eq!(line.positions(), 0..0);
    }
}
