//! The guests of a shard: which of them are live, how one is made again, and the images that make that
//! cheap.
//!
//! A guest is disposable: all that its run has had is on disk. What is to be written of one is given as
//! a draft, and none is submitted here, because only the shard knows what stands before it.

mod cannot_turn;
mod copies;
mod images;
mod pressure;
mod replay;
mod run_at;
mod warm;

use std::sync::Arc;

use segno_journal::{Blocked, Digest, History, RunId};

pub(crate) use crate::engine::guests::cannot_turn::{CannotTurn, Fate};
pub(crate) use crate::engine::guests::copies::Copies;
pub(crate) use crate::engine::guests::images::Images;
pub(crate) use crate::engine::guests::pressure::Pressure;
pub(crate) use crate::engine::guests::replay::Replay;
pub(crate) use crate::engine::guests::run_at::RunAt;
pub(crate) use crate::engine::guests::warm::Warm;

use crate::engine::config::Config;
use crate::engine::metrics::Metrics;
use crate::engine::modules::Modules;
use crate::sandbox::{ABI, Guest, Module};
use crate::store::{Draft, ImageRecord, Store};

/// The guests of a shard, and what it takes to make them.
pub(crate) struct Guests {
    store: Store,
    modules: Arc<Modules>,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    warm: Warm,
    pressure: Pressure,
}

/// An image of a run that is not on disk yet: what it says of itself, and its blocks.
pub(crate) struct Picture {
    image: ImageRecord,
    blocks: Vec<u8>,
}

/// A guest that was stopped while it saved itself: it must not be given another turn, because it is not
/// where its run is.
pub(crate) struct Spoiled;

impl Guests {
    /// No guests yet, of a shard that may keep so many.
    pub(crate) fn new(
        store: Store,
        modules: Arc<Modules>,
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        (pressure, places): (Pressure, usize),
    ) -> Self {
        let budget = config.memory_budget / config.shards;
        let warm = Warm::new(budget, places, &pressure, metrics.guests.live.clone());
        Self { store, modules, config, metrics, warm, pressure }
    }

    /// The live guest of a run, if there is one. Whoever takes it gives it back, or the run has none.
    pub(crate) fn take(&mut self, run: RunId) -> Option<Guest> {
        self.warm.take(run)
    }

    /// Drops the guest of a run, if there is one.
    pub(crate) fn remove(&mut self, run: RunId) {
        self.warm.remove(run);
    }

    /// Keeps a guest live. Gives those that were idle longest, where there is no more room for them.
    #[must_use]
    pub(crate) fn keep(&mut self, run: RunId, guest: Guest) -> Vec<(RunId, Guest)> {
        self.pressure.kept();
        self.warm.put(run, guest)
    }

    /// Gives the half of the guests that was idle longest.
    #[must_use]
    pub(crate) fn make_room(&mut self) -> Vec<(RunId, Guest)> {
        self.warm.make_room()
    }

    /// How much the process holds, where that is so much more than guests are counted for that some have
    /// to go.
    pub(crate) fn hold_too_much(&mut self) -> Option<usize> {
        self.pressure.too_high()
    }

    /// So many guests were let go when the process held so much.
    pub(crate) fn eased(&mut self, before: usize, guests: usize) {
        self.pressure.eased(before, guests);
    }

    /// A guest that is where the run is, on this module: a fresh one that becomes an image and is given
    /// the turns behind it, or that is given all. With it the positions of the images that were found
    /// and could not be used. All turns of the run are on disk.
    pub(crate) fn replayed(
        &self,
        run: RunAt<'_>,
        module: Digest,
    ) -> Result<(Guest, Vec<u64>), CannotTurn> {
        let replay = Replay {
            store: &self.store,
            module: self.module_for(run, module)?,
            quota: self.config.limits.quota(),
            verify: self.config.verify_images,
            metrics: Some(&self.metrics),
            goes_on: &|| Ok(()),
        };
        replay.guest(run)
    }

    /// The code of a module on which a run is to be. One that has had no turn has nothing else by which another module
    /// would not fit it than its workflow.
    fn module_for(&self, run: RunAt<'_>, module: Digest) -> Result<Module, CannotTurn> {
        if module != run.record.module && !self.modules.holds(module, &run.record.workflow) {
            return Err(CannotTurn::no_workflow(module, &run.record.workflow));
        }
        self.modules.load(module).map_err(|error| CannotTurn::no_module(&error))
    }

    /// An image of a run as it stands; nothing where its guest cannot be saved, as when it has printed:
    /// the handle that it prints to is not in its memory.
    pub(crate) fn picture(
        &self,
        run: RunAt<'_>,
        guest: &mut Guest,
    ) -> Result<Option<Picture>, Spoiled> {
        let Ok(module) = self.modules.load(run.record.module) else { return Ok(None) };
        let saved = guest.save().map_err(|Blocked { kind, .. }| {
            // Not with its message, which is the guest's.
            tracing::warn!(
                run = %run.id,
                %kind,
                "the guest cannot be saved; its run is replayed when it comes back"
            );
            Spoiled
        })?;
        let Some(saved) = saved else { return Ok(None) };
        let packed = module.pack(&saved.memory).inspect_err(|error| {
            tracing::warn!(
                run = %run.id,
                %error,
                "no image is taken; the run is replayed when it comes back"
            );
        });
        let Ok(blocks) = packed else { return Ok(None) };
        let image = ImageRecord {
            abi: ABI.to_owned(),
            module: run.record.module,
            at: run.last_at,
            run: run.state.clone(),
            pages: saved.pages,
            length: saved.memory.len() as u64,
            blocks: [0; 32],
        };
        Ok(Some(Picture { image, blocks }))
    }

    /// A draft that keeps an image of a run. The one that is then not needed any more is forgotten with
    /// it, and so are turns that nobody wants.
    pub(crate) fn keep_picture(
        &self,
        run: RunId,
        images: &mut Images,
        Picture { image, blocks }: Picture,
        history: History,
    ) -> Draft<()> {
        let position = image.run.turns();
        let unneeded = images.put(position, blocks.len() as u64);
        let mut draft = Draft::nothing().with_image(run, position, image, blocks);
        if let Some(unneeded) = unneeded {
            draft = draft.without_image(run, unneeded);
        }
        if let History::Keep(turns) = history {
            draft = draft.without_turns(run, images.cut(turns));
        }
        self.metrics.guests.images_taken.inc();
        draft
    }
}
