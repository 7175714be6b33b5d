//! Which guests of a shard stay live, which are let go, and how one comes back.

use segno_journal::{Digest, RunId};

use crate::engine::guests::{CannotTurn, Spoiled};
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::sandbox::Guest;
use crate::store::Draft;

/// A guest whose run does nothing but sleep for longer than this, in milliseconds, is let go at
/// once: that it comes back from its image costs less than its memory is worth so long.
const LONG_SLEEP_MS: u64 = 60_000;

/// How many sleeps are looked at to find that a run only sleeps.
const FEW_SLEEPS: usize = 16;

impl Shard {
    /// A guest that is where the run is, on this module. All turns of the run are on disk first. Nothing
    /// where the run was ended from outside meanwhile.
    pub(crate) fn bring_back(
        &mut self,
        id: RunId,
        module: Digest,
    ) -> Result<Option<Guest>, CannotTurn> {
        let active = &self.runs[&id];
        if let Some(last) = active.run.turns().checked_sub(1)
            && !self.store.has_turn(id, last)?
        {
            self.committer.flush()?;
        }
        let replayed = match self.replayed(id, module) {
            // Perhaps the idle ones hold what is missing.
            Err(CannotTurn::NoRoom(_)) => {
                self.make_room();
                match self.runs.contains_key(&id) {
                    true => self.replayed(id, module),
                    false => return Ok(None),
                }
            }
            replayed => replayed,
        };
        if !self.runs.contains_key(&id) {
            return Ok(None);
        }
        let (guest, unusable) = replayed?;
        self.forget_images(id, unusable);
        Ok(Some(guest))
    }

    fn replayed(&mut self, id: RunId, module: Digest) -> Result<(Guest, Vec<u64>), CannotTurn> {
        self.computing(id, |shard| shard.guests.replayed(shard.runs[&id].at(), module))
    }

    /// Images that could not be used when a run came back stand for nothing: turns must not be
    /// forgotten because of them.
    fn forget_images(&mut self, id: RunId, unusable: Vec<u64>) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        for position in unusable {
            active.images.drop_unusable(position);
            self.committer.submit(Draft::nothing().without_image(id, position), |_written| {});
        }
    }

    /// Lets the half of the guests go that was idle longest, and gives how many these are.
    fn make_room(&mut self) -> usize {
        let idle = self.guests.make_room();
        let count = idle.len();
        idle.into_iter().for_each(|(id, guest)| self.let_go(id, guest));
        count
    }

    /// Lets guests go where all of them hold more than they are counted for, and has the other shards do
    /// so. Between two messages only: an image is of a run whose turns have all been taken in.
    pub(crate) fn relieve(&mut self) {
        let Some(before) = self.guests.hold_too_much() else { return };
        let count = self.shed();
        self.guests.eased(before, count);
        self.outside.shed_by_others(&self.gate);
    }

    /// Lets guests go because guests hold more than they are counted for.
    pub(crate) fn shed(&mut self) -> usize {
        let count = self.make_room();
        self.outside.metrics().guests.shed.inc_by(count as u64);
        count
    }

    /// Keeps a guest live. Those that were idle longest go where there is no more room.
    pub(crate) fn keep(&mut self, id: RunId, guest: Guest) {
        for (idle, guest) in self.guests.keep(id, guest) {
            self.let_go(idle, guest);
        }
    }

    /// What becomes of the guest of a run after a turn: now and then an image of it is taken, and it
    /// is let go where it will not be needed for long.
    pub(crate) fn settle(&mut self, id: RunId) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        let is_due = active.images.is_due(self.config.image_turns);
        let sleeps_long = sleeps_long(active);
        if sleeps_long {
            active.streams = None;
            active.attributes = None;
        }
        if !is_due && !sleeps_long {
            return;
        }
        let Some(mut guest) = self.guests.take(id) else { return };
        if sleeps_long {
            return self.let_go(id, guest);
        }
        if self.take_image(id, &mut guest).is_ok() {
            self.keep(id, guest);
        }
    }

    /// Lets the live guest of a run go, as where there is no room, unless the run was ended without its
    /// shard.
    pub(crate) fn evict(&mut self, id: RunId) {
        if let Some(guest) = self.guests.take(id).filter(|_| !self.gate.was_ended(id)) {
            self.let_go(id, guest);
        }
    }

    /// Lets a guest go, with an image where that is worth its while.
    fn let_go(&mut self, id: RunId, mut guest: Guest) {
        let after = self.config.image_turns;
        if self.runs.get(&id).is_some_and(|active| active.images.is_due_when_let_go(after)) {
            // What is wrong with the guest is of no matter any more.
            let _unusable = self.take_image(id, &mut guest);
        }
    }

    /// Sends an image of the run to the disk, behind the turns that it stands for.
    fn take_image(&mut self, id: RunId, guest: &mut Guest) -> Result<(), Spoiled> {
        let picture = self.computing(id, |shard| match shard.runs.get(&id) {
            Some(active) => shard.guests.picture(active.at(), guest),
            None => Ok(None),
        });
        let Some(active) = self.runs.get_mut(&id) else { return Ok(()) };
        let picture = picture.inspect_err(|Spoiled| active.images.refuse())?;
        let Some(picture) = picture else {
            active.images.refuse();
            return Ok(());
        };
        let history = self.modules.history(active.record.module, &active.record.workflow);
        let draft = self.guests.keep_picture(id, &mut active.images, picture, history);
        self.committer.submit(draft, |_written| {});
        Ok(())
    }
}

/// Whether a run does nothing but sleep, and for long.
fn sleeps_long(active: &Active) -> bool {
    let open = active.run.open();
    let until = active.last_at.plus_ms(LONG_SLEEP_MS);
    (1..=FEW_SLEEPS).contains(&open.len())
        && active.run.open().all(|(_, open)| open.sleeps_until().is_some_and(|end| end >= until))
}
