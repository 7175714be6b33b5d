//! Going on after a stop or a crash: the state of each unfinished run is folded from its turns, and
//! what the world owes it is set going again. Guests are not made: a run gets one when its next
//! event comes.

use std::sync::Arc;

use segno_journal::{BlockKind, Blocked, RunId};

use crate::engine::guests::CannotTurn;
use crate::engine::inbox::{Message, shard_of};
use crate::engine::shard::Shard;
use crate::engine::shard::active::{Active, Unread};
use crate::engine::shard::bounds::Bounds;
use crate::engine::shard::fold::restore;
use crate::engine::shard::heartbeats::Heartbeats;
use crate::engine::shard::log;
use crate::engine::shard::notes;
use crate::engine::shard::suspects::Suspects;
use crate::store::{Draft, Recalled, RunRecord, Standing, StoreError};

impl Shard {
    /// Takes in the unfinished runs of this shard. Nothing is set going yet: the other shards may
    /// still be counting which modules are needed.
    pub(crate) fn recover(&mut self, shard: usize) -> Result<(), StoreError> {
        let store = self.store.pinned()?;
        let known = store.losses()?.into_iter();
        self.suspects =
            Suspects::new(known.filter(|(run, ..)| shard_of(*run, self.config.shards) == shard));
        let known = store.heartbeats()?.into_iter();
        self.heartbeats =
            Heartbeats::new(known.filter(|(run, ..)| shard_of(*run, self.config.shards) == shard));
        let budget = self.open_budget.clone();
        let config = Arc::clone(&self.config);
        let room = Bounds { limits: &config.limits, budget: &budget };
        for id in store.unfinished()? {
            if shard_of(id, self.config.shards) != shard {
                continue;
            }
            let missing = || StoreError::Record {
                table: "runs".into(),
                detail: format!("that of {id} is missing"),
            };
            let recalled = store.recall(id)?;
            let record = match recalled.record().and_then(|record| record.ok_or_else(missing)) {
                Ok(record) => record,
                // The other runs go on; this one is where it was for whoever mends the record.
                Err(damage @ StoreError::Record { .. }) => {
                    tracing::error!(run = %id, error = %damage, "the run does not go on");
                    self.modules.keep_all();
                    self.unreadable.insert(id, damage);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.modules.enter_recovered(record.module);
            let root = record.parent.as_ref().map(|parent| parent.root);
            let member = root.map(|root| Box::new(self.outside.families().join(root)));
            let active = Active { member, ..Active::new(id, record) };
            let active = if self.config.park.contains(&id) {
                left_out(active)
            } else {
                restored(&recalled, active, room)?
            };
            self.take_in(id, active);
        }
        Ok(())
    }

    /// A fork is on disk: it is owned from now on, and goes on from where it left the other run, with what comes
    /// again.
    pub(super) fn take_over(&mut self, id: RunId, record: RunRecord) {
        let budget = self.open_budget.clone();
        let config = Arc::clone(&self.config);
        let room = Bounds { limits: &config.limits, budget: &budget };
        let read = self.store.recall(id);
        let read = read.and_then(|recalled| restored(&recalled, Active::new(id, record), room));
        let taken = read.and_then(|active| {
            let is_unread = active.unread.is_some();
            log::forked(&active);
            self.take_in(id, active);
            if is_unread {
                self.say_unread(id);
                return Ok(());
            }
            self.set_going_again(id)?;
            self.outside.tell(id, Message::DeliverHeld { run: id });
            Ok(())
        });
        if let Err(error) = taken {
            self.committer.give_up(error);
        }
    }

    /// Writes why a run that was not read is blocked: lists shall say what the run itself
    /// says, and its history when that was found.
    pub(super) fn say_unread(&mut self, id: RunId) {
        let Some(active) = self.runs.get(&id) else { return };
        let (record, Standing::Blocked(blocked)) = (active.record.clone(), &active.record.standing)
        else {
            return;
        };
        let note = notes::blocked(active, None, blocked);
        let draft = Draft::nothing().with_run(id, &record);
        let draft = match self.store.run(id) {
            Ok(Some(known)) if known.standing != record.standing => self.noted(id, draft, note),
            _ => draft,
        };
        self.committer.submit(draft, |_written| {});
    }
}

/// A run as it was. One whose journal cannot be read is blocked with the reason: it must not keep
/// the others from going on.
fn restored(
    recalled: &Recalled,
    mut active: Active,
    room: Bounds<'_>,
) -> Result<Active, StoreError> {
    if matches!(active.record.standing, Standing::Blocked(Blocked { kind: BlockKind::Parked, .. }))
    {
        return Ok(left_out(active));
    }
    let (blocked, unread) = match restore(recalled, &mut active, room) {
        Ok(()) => return Ok(active),
        Err(CannotTurn::Store(damage @ StoreError::Record { .. })) => {
            let message = damage.to_string();
            (Blocked { kind: BlockKind::Journal, message }, Unread::Damaged(damage))
        }
        Err(CannotTurn::Store(error)) => return Err(error),
        // The host must not die of it.
        Err(CannotTurn::Blocked(blocked)) => (blocked, Unread::Left),
        Err(CannotTurn::NoRoom(message)) => {
            (Blocked { kind: BlockKind::Limit, message }, Unread::Left)
        }
    };
    log::blocked(&active, blocked.kind);
    active.record.standing = Standing::Blocked(blocked);
    active.unread = Some(Box::new(unread));
    Ok(active)
}

/// A run that is left out of this host: none of it is read, and nothing of it is set going.
fn left_out(mut active: Active) -> Active {
    tracing::warn!(run = %active.owner.run, "the run is left out, as it was asked for with --park");
    let message = "whoever runs the host left the run out with --park; `resume` lets it go on";
    active.record.standing =
        Standing::Blocked(Blocked { kind: BlockKind::Parked, message: message.to_owned() });
    active.unread = Some(Box::new(Unread::Left));
    active
}
