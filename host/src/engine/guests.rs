//! The guests of a shard: which of them are live, which are let go, and how one comes back.

use segno_journal::{Blocked, Digest, History, Open, RunId};

use crate::engine::live::Live;
use crate::engine::modules::Modules;
use crate::engine::revival::Revival;
use crate::engine::shard::Shard;
use crate::engine::stuck::Stuck;
use crate::sandbox::{ABI, Guest, Quota};
use crate::store::{Draft, ImageRecord};

/// A guest whose run does nothing but sleep for longer than this, in milliseconds, is let go at
/// once: that it comes back from its image costs less than its memory is worth so long.
const LONG_SLEEP_MS: u64 = 60_000;

/// How many sleeps are looked at to find that a run only sleeps.
const FEW_SLEEPS: usize = 16;

impl Shard {
    /// A guest that is where the run is, on this module. All turns of the run are on disk first. Nothing
    /// where the run was ended from outside meanwhile.
    pub(crate) fn revive(&mut self, id: RunId, module: Digest) -> Result<Option<Guest>, Stuck> {
        let live = &self.runs[&id];
        if let Some(last) = live.run.turns().checked_sub(1)
            && !self.store.has_turn(id, last)?
        {
            self.committer.flush()?;
        }
        let revived = match self.computing(id, |shard| shard.revived(&shard.runs[&id], module)) {
            // Perhaps the idle ones hold what is missing.
            Err(Stuck::NoRoom(_)) => {
                self.make_room();
                match self.runs.contains_key(&id) {
                    true => self.computing(id, |shard| shard.revived(&shard.runs[&id], module)),
                    false => return Ok(None),
                }
            }
            revived => revived,
        };
        if !self.runs.contains_key(&id) {
            return Ok(None);
        }
        let (guest, unusable) = revived?;
        self.forget_images(id, unusable);
        Ok(Some(guest))
    }

    /// A guest that is where the run is, and which of its images could not be used.
    fn revived(&self, live: &Live, module: Digest) -> Result<(Guest, Vec<u64>), Stuck> {
        let revival = Revival {
            store: &self.store,
            module: self.modules.load(module).map_err(|error| Stuck::no_module(&error))?,
            quota: self.quota(),
            verify: self.config.verify_images,
            metrics: &self.outside.metrics,
        };
        revival.guest(live)
    }

    /// Images that could not be used when a run came back stand for nothing: turns must not be
    /// forgotten because of them.
    fn forget_images(&mut self, id: RunId, unusable: Vec<u64>) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        for position in unusable {
            live.images.drop_unusable(position);
            self.committer.submit(Draft::nothing().without_image(id, position), |_written| {});
        }
    }

    /// Lets the half of the guests go that was idle longest, and gives how many these are.
    fn make_room(&mut self) -> usize {
        let idle = self.warm.make_room();
        let count = idle.len();
        idle.into_iter().for_each(|(id, guest)| self.let_go(id, guest));
        count
    }

    /// Lets guests go where all of them hold more than they are counted for, and has the other shards do
    /// so. Between two messages only: an image is of a run whose turns have all been taken in.
    pub(crate) fn relieve(&mut self) {
        let Some(before) = self.pressure.too_high() else { return };
        let count = self.shed();
        self.pressure.eased(before, count);
        self.outside.shed_by_others(&self.watch);
    }

    /// Lets guests go because guests hold more than they are counted for.
    pub(crate) fn shed(&mut self) -> usize {
        let count = self.make_room();
        self.outside.metrics.guests.shed.inc_by(count as u64);
        count
    }

    /// Keeps a guest live. Those that were idle longest go where there is no more room.
    pub(crate) fn keep(&mut self, id: RunId, guest: Guest) {
        self.pressure.kept();
        for (idle, guest) in self.warm.put(id, guest) {
            self.let_go(idle, guest);
        }
    }

    /// What becomes of the guest of a run after a turn: now and then an image of it is taken, and it
    /// is let go where it will not be needed for long.
    pub(crate) fn settle(&mut self, id: RunId) {
        let Some(live) = self.runs.get(&id) else { return };
        let is_due = live.images.is_due(self.config.image_turns);
        let sleeps_long = sleeps_long(live);
        if !is_due && !sleeps_long {
            return;
        }
        let Some(mut guest) = self.warm.take(id) else { return };
        if sleeps_long {
            return self.let_go(id, guest);
        }
        if self.take_image(id, &mut guest).is_ok() {
            self.keep(id, guest);
        }
    }

    /// Lets a guest go, with an image where that is worth its while.
    pub(crate) fn let_go(&mut self, id: RunId, mut guest: Guest) {
        let after = self.config.image_turns;
        if self.runs.get(&id).is_some_and(|live| live.images.is_due_when_let_go(after)) {
            // What is wrong with the guest is of no matter any more.
            let _unusable = self.take_image(id, &mut guest);
        }
    }

    /// Sends an image of the run to the disk, behind the turns that it stands for. The one that is
    /// then not needed any more is forgotten with it, and so are turns that nobody wants. A guest that
    /// failed to save itself must not be given another turn: it is not where its run is.
    fn take_image(&mut self, id: RunId, guest: &mut Guest) -> Result<(), Spoiled> {
        let picture = self.computing(id, |shard| match shard.runs.get(&id) {
            Some(live) => picture(&shard.modules, live, guest),
            None => Ok(None),
        });
        let Some(live) = self.runs.get_mut(&id) else { return Ok(()) };
        let Some((image, blocks)) = picture.inspect_err(|Spoiled| live.images.refuse())? else {
            live.images.refuse();
            return Ok(());
        };
        let position = live.run.turns();
        let size = blocks.len() as u64;
        let mut draft = Draft::nothing().with_image(id, position, image, blocks);
        if let Some(unneeded) = live.images.put(position, size) {
            draft = draft.without_image(id, unneeded);
        }
        if let History::Keep(turns) =
            self.modules.history(live.record.module, &live.record.workflow)
        {
            draft = draft.without_turns(id, live.images.cut(turns));
        }
        self.outside.metrics.guests.images_taken.inc();
        self.committer.submit(draft, |_written| {});
        Ok(())
    }

    pub(crate) fn quota(&self) -> Quota {
        let limits = &self.config.limits;
        Quota {
            fuel_per_turn: limits.fuel_per_turn,
            seconds: Quota::seconds_for(limits.fuel_per_turn),
            memory: limits.memory,
            commands_per_turn: limits.commands_per_turn,
            bytes_per_turn: limits.bytes_per_turn,
            payload: limits.payload,
        }
    }
}

/// A guest that was stopped while it saved itself.
struct Spoiled;

/// An image of a run as it stands, and its blocks; nothing where its guest cannot be saved, as when
/// it has printed: the handle that it prints to is not in its memory.
fn picture(
    modules: &Modules,
    live: &Live,
    guest: &mut Guest,
) -> Result<Option<(ImageRecord, Vec<u8>)>, Spoiled> {
    let run = live.owner.run;
    let Ok(module) = modules.load(live.record.module) else { return Ok(None) };
    let Some(image) = guest.save().map_err(|Blocked { kind, .. }| {
        // Not with its message, which is the guest's.
        tracing::warn!(%run, %kind, "the guest cannot be saved; its run is replayed when it comes back");
        Spoiled
    })?
    else {
        return Ok(None);
    };
    let blocks = module.pack(&image.memory).inspect_err(|error| {
        tracing::warn!(%run, %error, "no image is taken; the run is replayed when it comes back");
    });
    let record = ImageRecord {
        abi: ABI.to_owned(),
        module: live.record.module,
        at: live.last_at,
        run: live.run.clone(),
        pages: image.pages,
        length: image.memory.len() as u64,
        blocks: [0; 32],
    };
    Ok(blocks.ok().map(|blocks| (record, blocks)))
}

/// Whether a run does nothing but sleep, and for long.
fn sleeps_long(live: &Live) -> bool {
    let open = live.run.open();
    let until = live.last_at.plus_ms(LONG_SLEEP_MS);
    (1..=FEW_SLEEPS).contains(&open.len())
        && live
            .run
            .open()
            .all(|(_, open)| matches!(open, Open::Sleep { until: end, .. } if *end >= until))
}
