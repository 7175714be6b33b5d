//! Signals that came in batches. Each lies in a row of its own until its run has it: that goes in the commit of
//! the turn, or of what holds it. A shard is told of each once while its host lives, when it is on disk, and by
//! the next host again.

use std::collections::BTreeMap;

use segno_journal::{Refusal, RunId};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Announced, Delivery, OnItsWay, RoomFor, Then};
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::store::{Draft, HeldEvent, Posted, StoreError};

impl Shard {
    /// Says whether a run can take signals. What keeps them out may not be on disk yet, so that is told when all
    /// that was handed in before is.
    pub(super) fn say_room(&mut self, asked: RoomFor) {
        let RoomFor { run, signals, asker, place } = asked;
        let answer = self.has_room(run, &signals);
        // Whoever has gone in the meantime needs no answer.
        if answer.is_ok() {
            return drop(asker.send(answer));
        }
        self.committer.submit(Draft::nothing(), move |written| {
            let _place = place;
            let written = written.map(drop).map_err(|error| (0, error.into()));
            let _gone = asker.send(written.and(answer));
        });
    }

    /// Whether a run can take signals, as it stands; if not, which of them cannot come, and why.
    fn has_room(&self, id: RunId, signals: &[Announced]) -> Result<(), (usize, EngineError)> {
        let refused = |error| Err((0, error));
        let active = match (self.runs.get(&id), self.unreadable.get(&id)) {
            (Some(active), _) => active,
            (None, Some(damage)) => return refused(damage.clone().into()),
            (None, None) => return refused(EngineError::SignalTooLate(id)),
        };
        if let Some(unread) = &active.unread {
            return refused(unread.refusal());
        }
        // What comes for such a run waits in memory.
        if self.awaiting_room.has(id) {
            return refused(EngineError::Busy);
        }
        active.has_room(signals)
    }

    /// A batch has sent a run a signal, which is on disk.
    pub(super) fn posted(&mut self, posted: Posted, place: OnItsWay) {
        let Posted { run, number, .. } = posted;
        match self.store.posted(&posted) {
            Ok(Some(HeldEvent { event, .. })) => {
                self.turn(run, Delivery::new(event, Then::Batch(posted, place)));
            }
            Ok(None) => {}
            // It waits for whoever mends the row.
            Err(error @ StoreError::Record { .. }) => {
                tracing::error!(%run, number, %error, "a signal of a batch does not come");
            }
            Err(error) => self.committer.give_up(error),
        }
    }

    /// Gives a run the signals that lay there while nothing could happen to it, before all that comes now.
    pub(super) fn take_left_posted(&mut self, id: RunId) {
        for posted in self.left_posted.remove(&id).unwrap_or_default() {
            self.posted(posted, None);
        }
    }

    /// Brings them again where the run is over: nobody takes them.
    pub(super) fn tell_left_posted(&mut self, id: RunId) {
        let left = self.left_posted.remove(&id).unwrap_or_default();
        self.outside.bring_again(left);
    }
}

impl Active {
    /// Whether there is room for signals, and none has the key of another one. One whose key is known takes none.
    fn has_room(&self, signals: &[Announced]) -> Result<(), (usize, EngineError)> {
        let id = self.owner.run;
        let mut keys = BTreeMap::new();
        let mut new = Vec::new();
        for (number, Announced { name, key, size }) in signals.iter().enumerate() {
            if let Some(key) = key {
                let known = self.known_signal(key).map(|(name, _)| name);
                match known.or_else(|| keys.insert(key, &**name)) {
                    Some(of) if of != name => return Err((number, EngineError::OtherSignal(id))),
                    Some(_) => continue,
                    None => {}
                }
            }
            new.push((number, &**name, *size));
        }
        let sizes = new.iter().map(|(_, name, size)| (*name, *size));
        let room = self.run.admits_signals(sizes).and_then(|()| self.line_has_room(&new));
        room.map_err(|(at, refusal)| match refusal {
            Refusal::Full => (new[at].0, EngineError::InboxFull),
            Refusal::Ended | Refusal::NotOpen(_) | Refusal::Repeated => {
                (0, EngineError::SignalTooLate(id))
            }
        })
    }

    /// Whether the line of what is held takes these as well; if not, which of them is the first that it does not.
    fn line_has_room(&self, new: &[(usize, &str, usize)]) -> Result<(), (usize, Refusal)> {
        let mut bytes = 0;
        for (at, (.., size)) in new.iter().enumerate() {
            bytes += size;
            self.held.has_room(at + 1, bytes).map_err(|refusal| (at, refusal))?;
        }
        Ok(())
    }
}
