//! A life: a host, the world around it, and what happens to both.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segno_host::engine::{ImageTurns, Random, Simulated, VirtualClock};
use segno_host::store::Store;
use segno_journal::{RunId, Timestamp};

use crate::edition;
use crate::faulty::{Disk, Kept};
use crate::simulation::asked::{Call, Waiting};
use crate::simulation::editions::EDITIONS;
use crate::simulation::moves::{self, Move};
use crate::simulation::streams::Writing;
use crate::simulation::witness::Witness;

/// How much may happen before all runs have to be over: far more than they need.
const PATIENCE: usize = 100_000;

/// A host on a disk, and the world around it.
pub(crate) struct Life<'a> {
    pub(crate) random: ChaCha8Rng,
    pub(crate) disk: Disk,
    pub(crate) clock: VirtualClock,
    pub(crate) chance: Random,
    pub(crate) host: Option<Host>,
    pub(crate) asked: Vec<Call>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) writing: Vec<Writing>,
    pub(crate) witness: Witness,
    pub(crate) starts: usize,
    pub(crate) calls: u64,
    pub(crate) said: u64,
    pub(crate) cancels: usize,
    /// The runs whose steps do what they are to since somebody mended that.
    pub(crate) mended: BTreeSet<RunId>,
    /// How often a host went down without a word since the life began.
    pub(crate) kills: u64,
    /// After how many turns hosts take images.
    pub(crate) image_turns: ImageTurns,
    /// How many steps hosts run at once.
    pub(crate) max_running_steps: usize,
    /// What was known at each moment, where somebody wants to go back to it.
    pub(crate) moments: Option<Vec<Moment>>,
    trace: DefaultHasher,
    pub(crate) tell: &'a mut dyn FnMut(&str),
}

/// What was known at a moment of a life.
#[derive(Clone)]
pub(crate) struct Moment {
    /// How many operations its disk had been asked.
    pub(crate) operations: usize,
    witness: Witness,
    now: Timestamp,
    calls: u64,
    said: u64,
}

/// An engine, and the store under it.
pub(crate) struct Host {
    pub(crate) engine: Simulated,
    pub(crate) store: Store,
}

impl<'a> Life<'a> {
    /// A life on a new disk. No host runs yet.
    pub(crate) fn new(seed: u64, tell: &'a mut dyn FnMut(&str)) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let live = random.random_range(4..16);
        let max_running_steps = [1, 2, 3, 1_000, 1_000, 1_000][random.random_range(0..6)];
        Self {
            random,
            disk: Disk::default(),
            clock: VirtualClock::new(Timestamp(1_700_000_000_000)),
            chance: Random::seeded(seed),
            host: None,
            asked: Vec::new(),
            waiting: Vec::new(),
            writing: Vec::new(),
            witness: Witness::default(),
            starts: 0,
            calls: 0,
            said: 0,
            cancels: 0,
            mended: BTreeSet::new(),
            kills: 0,
            max_running_steps,
            image_turns: ImageTurns { live, let_go: live / 2, apart: 3 },
            moments: None,
            trace: DefaultHasher::new(),
            tell,
        }
    }

    /// A life that goes on from a moment of another one, on what a crash left of its disk.
    pub(crate) fn after(
        moment: &Moment,
        disk: Disk,
        seed: u64,
        tell: &'a mut dyn FnMut(&str),
    ) -> Self {
        let Moment { operations: _, witness, now, calls, said } = moment.clone();
        let clock = VirtualClock::new(now);
        Self { disk, clock, witness, calls, said, ..Self::new(seed, tell) }
    }

    /// A life that begins on a disk of which nothing is known.
    pub(crate) fn on(disk: Disk, seed: u64, tell: &'a mut dyn FnMut(&str)) -> Self {
        Self { disk, ..Self::new(seed, tell) }
    }

    /// From now on what is known at each moment is kept.
    pub(crate) fn record(mut self) -> Self {
        self.moments = Some(Vec::new());
        self
    }

    /// Deploys the workflows, and waits until they are there; once more where a crash came between.
    pub(crate) fn deploy(&mut self) {
        while self.host().store.workflows().is_ok_and(|known| known.is_empty()) {
            self.make(Move::Deploy);
            self.settle();
        }
    }

    /// Lets happen what can by itself, but for steps and time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..PATIENCE {
            let engine = &self.host().engine;
            let told: usize = engine.told().iter().sum();
            if told + engine.waiting() + engine.written() == 0 {
                return;
            }
            let next = [Move::Handle, Move::Write, Move::LetGo];
            let at = self.random.random_range(0..next.len());
            self.make(next[at]);
        }
        panic!("the host is never done");
    }

    /// Something happens.
    pub(crate) fn something(&mut self) {
        let next = moves::draw(&mut self.random);
        self.make(next);
    }

    /// No more is asked of the host than its runs need, and it has room for all of them: they come to
    /// their end.
    pub(crate) fn come_to_its_end(&mut self) {
        for _ in 0..PATIENCE {
            if self.resume_host() || self.work_on_jobs() {
                self.settle();
            } else if self.host().can_go_on() || self.host().engine.next_timer().is_some() {
                self.go_on();
            } else if !(self.end_paused()
                || self.call_all() | self.tell_all()
                || self.end_blocked()
                || self.retry_each())
            {
                return;
            }
        }
        panic!("the runs never end");
    }

    /// Lets happen what can by itself, for some time.
    pub(crate) fn go_on_for_a_while(&mut self) {
        for _ in 0..self.random.random_range(0..1_500) {
            self.go_on();
        }
    }

    /// One of the things that can happen by themselves.
    pub(crate) fn go_on(&mut self) {
        let next = [Move::Handle, Move::Write, Move::LetGo, Move::End, Move::Wait, Move::Evict];
        let at = self.random.random_range(0..next.len());
        self.make(next[at]);
    }

    pub(crate) fn make(&mut self, next: Move) {
        if !self.try_to(next) {
            return;
        }
        let engine = &self.host().engine;
        let told = engine.told();
        let attempts = engine.attempts().len();
        let timer = engine.next_timer();
        let waiting = engine.waiting();
        let written = engine.written();
        self.note(&format!("{next:?}: {told:?} {waiting} {written} {attempts} {timer:?}"));
        self.look();
        self.remember();
    }

    pub(crate) fn remember(&mut self) {
        if self.moments.is_none() {
            return;
        }
        let now = self.host().engine.now();
        let operations = self.disk.operations();
        let witness = self.witness.clone();
        let (calls, said) = (self.calls, self.said);
        let moment = Moment { operations, witness, now, calls, said };
        self.moments.get_or_insert_default().push(moment);
    }

    /// Does it, if it can be done just now.
    pub(crate) fn try_to(&mut self, next: Move) -> bool {
        match next {
            Move::Start => self.start(),
            Move::Batch => self.batch(),
            Move::Call => self.call_any(),
            Move::Signal => self.signal_any(),
            Move::Hook => self.call_any_hook(),
            Move::Wake => self.wake(),
            Move::Crowd => self.call_blocked(),
            Move::Cancel => self.cancel(),
            Move::Kill => self.kill(),
            Move::CancelWithoutShard => self.cancel_without_shard(),
            Move::Pause => self.pause(),
            Move::Resume => self.resume(),
            Move::Elsewhere => self.move_any(),
            Move::PauseHost => self.pause_host(),
            Move::Job => self.make_job(),
            Move::Page => self.work_on_jobs(),
            Move::Retry => self.retry(),
            Move::Fork => self.fork(),
            Move::Delete => self.delete(),
            Move::Sweep => self.sweep(),
            Move::Deploy => self.deploy_any(),
            Move::Handle => {
                let told = self.host().engine.told();
                let shards: Vec<_> = (0..told.len()).filter(|shard| told[*shard] > 0).collect();
                self.pick(&shards).is_some_and(|shard| self.with(|engine| engine.handle(shard)))
            }
            Move::Write => match self.host().engine.waiting() {
                0 => false,
                waiting => {
                    let drafts = self.random.random_range(1..=waiting);
                    self.with(|engine| engine.write(drafts))
                }
            },
            Move::LetGo => self.host().engine.written() > 0 && self.with(Simulated::let_go),
            Move::Wait => self.wait(),
            Move::End => self.end(false),
            Move::Stream => self.write_any(),
            Move::Evict => self.evict_any(),
            Move::Refuse => {
                let soon = self.disk.operations() + self.random.random_range(0..8);
                self.disk.fail_at(soon);
                true
            }
            Move::Crash(kept) => {
                let room = self.draw_room(4);
                self.crash(kept, room);
                self.perhaps_call_blocked();
                true
            }
            Move::Falter => self.falter(),
            Move::Stop => {
                let room = self.draw_room(1);
                self.stop(room);
                self.perhaps_call_blocked();
                true
            }
        }
    }

    fn evict_any(&mut self) -> bool {
        let run = self.any_run();
        run.is_some_and(|run| self.with(|engine| engine.evict(run)))
    }

    fn deploy_any(&mut self) -> bool {
        let number = self.random.random_range(0..EDITIONS);
        let deployed = self.host().engine.deploy(edition(number)).expect("the module is good");
        self.asked.push(Call::Deploy(deployed));
        true
    }

    /// Looks whether all is well; a host that is in trouble goes down.
    pub(crate) fn look(&mut self) {
        if self.host().engine.trouble().is_some() {
            let seed = self.random.random();
            let kept = [Kept::Nothing, Kept::All, Kept::Some(seed)][self.random.random_range(0..3)];
            let room = self.draw_room(4);
            return self.crash(kept, room);
        }
        self.look_closely();
    }

    pub(crate) fn look_closely(&mut self) {
        let host = self.host.as_ref().expect("a life has a host");
        self.witness.look(&host.engine, &host.store, self.tell);
        self.look_at_answers();
        self.look_at_writing();
    }

    /// Whether the host went down without a word since the life began.
    pub(crate) fn has_crashed(&self) -> bool {
        self.kills > 0
    }

    /// What was known at each moment since it was recorded.
    pub(crate) fn moments(&mut self) -> Vec<Moment> {
        self.moments.take().unwrap_or_default()
    }

    /// Ends the life: what is left of it is its disk.
    pub(crate) fn into_disk(self) -> (Disk, Witness, DefaultHasher) {
        drop(self.host);
        (self.disk, self.witness, self.trace)
    }

    pub(crate) fn host(&mut self) -> &mut Host {
        self.host.as_mut().expect("a life has a host")
    }

    pub(crate) fn with(&mut self, act: impl FnOnce(&mut Simulated)) -> bool {
        act(&mut self.host().engine);
        true
    }

    pub(crate) fn any_run(&mut self) -> Option<RunId> {
        let runs: Vec<_> = self.witness.runs.keys().copied().collect();
        self.pick(&runs)
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.random.random_range(0..of.len())].clone())
    }

    pub(crate) fn draw(&mut self, range: std::ops::Range<usize>) -> usize {
        self.random.random_range(range)
    }

    pub(crate) fn note(&mut self, line: &str) {
        self.trace.write(line.as_bytes());
        (self.tell)(line);
    }
}
