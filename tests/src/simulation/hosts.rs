//! The hosts of a life: how they start, and how they go down.

use std::collections::BTreeSet;

use rand::RngExt;
use segno_host::engine::{Config, OpenError, SigningKey, Simulated};
use segno_host::store::Store;

use crate::faulty::Kept;
use crate::simulation::damage::damage_images;
use crate::simulation::deletions::retention;
use crate::simulation::life::{Host, Life};
use crate::simulation::moves::Move;
use crate::simulation::streams::KEPT;

impl Life<'_> {
    /// The host goes down, and another one is started on what its disk kept.
    pub(crate) fn crash(&mut self, kept: Kept, room: Option<usize>) {
        let disk = self.disk.after_crash(self.disk.operations(), kept);
        self.host = None;
        self.disk = disk;
        self.killed();
        let harmed = match self.random.random() {
            true => damage_images(&self.disk, &mut self.random, self.witness.cuts.harmed()),
            false => BTreeSet::new(),
        };
        self.note(&format!("harmed images: {harmed:?}"));
        self.witness.cuts.harm(harmed);
        self.open(room);
    }

    /// The host has gone down without a word.
    pub(crate) fn killed(&mut self) {
        self.kills += 1;
        self.witness.talk.killed();
    }

    /// Stops the host in an orderly way, and starts it again.
    pub(crate) fn stop(&mut self, room: Option<usize>) {
        self.host().engine.begin_stop();
        for _ in 0..self.random.random_range(0..20) {
            let next = [Move::Handle, Move::Write, Move::LetGo][self.random.random_range(0..3)];
            let _done = if self.random.random() { self.end(true) } else { self.try_to(next) };
            self.note("while it is being stopped");
            if self.host().store.unfinished().is_ok() {
                self.look_closely();
            }
        }
        if let Some(Host { engine, store: _ }) = self.host.take() {
            // One that cannot write what was held back is as one that crashed.
            let _written = engine.end_stop();
        }
        // Who wants to go back needs the one disk that knows all.
        if self.moments.is_none() {
            self.disk = self.disk.after_crash(self.disk.operations(), Kept::All);
        }
        self.open(room);
    }

    /// How many operations a run may have open on the next host: mostly as many as it likes.
    pub(crate) fn draw_room(&mut self, mostly: u32) -> Option<usize> {
        let has_room = self.random.random_ratio(mostly, mostly + 1);
        (!has_room).then(|| self.random.random_range(1..4))
    }

    /// Starts a host. Runs that wait for more things at once than it has room for are blocked.
    pub(crate) fn open(&mut self, room: Option<usize>) {
        let (host, has_crashed) = loop {
            match self.try_to_open(room) {
                Ok(opened) => break opened,
                // It was the disk, which is as after a crash now.
                Err(_) if self.disk.has_failed() => {
                    self.killed();
                    self.disk = self.disk.after_crash(self.disk.operations(), Kept::All);
                }
                Err(error) => panic!("the host does not start: {error}"),
            }
        };
        self.asked.clear();
        self.waiting.clear();
        self.writing.clear();
        self.witness.survived(&host.store, has_crashed);
        self.witness.cuts.opened(&host.store);
        self.witness.editions.opened(&host.store);
        self.host = Some(host);
        self.remember();
    }

    /// A host on the disk, and whether the one before it crashed.
    fn try_to_open(&self, room: Option<usize>) -> Result<(Host, bool), OpenError> {
        let mut config = Config::new("unused", "http://segno.test");
        (config.cache, config.shards, config.verify_images) = (crate::cache(), 2, true);
        if let Some(room) = room {
            config.limits.open_operations = room;
        }
        config.limits.stream = KEPT;
        config.retention = retention();
        config.signing_key = SigningKey::write(&[7; 32]).parse().ok();
        (config.image_turns, config.max_running_steps) = (self.image_turns, self.max_running_steps);
        let store = Store::open_on(self.disk.clone())?;
        let has_crashed = store.stopped_at()?.is_none();
        let clock = self.clock.clone();
        let chance = self.chance.clone();
        let engine = Simulated::open(store.clone(), config, guest_basics::steps(), clock, chance);
        engine.map(|engine| (Host { engine, store }, has_crashed))
    }
}

impl Host {
    /// Whether anything can happen but that time passes.
    pub(crate) fn can_go_on(&self) -> bool {
        let engine = &self.engine;
        let told: usize = engine.told().iter().sum();
        told + engine.waiting() + engine.written() + engine.attempts().len() > 0
    }
}
