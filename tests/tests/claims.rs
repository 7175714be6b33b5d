//! One token and the many runs that ask for it, on a host that crashes at each point around that.
//!
//! The story is told once, on one disk. Whatever a crash at one of its points leaves of that disk, another
//! host goes on from, which is killed once more while it asks for what nobody knows.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use segno_host::engine::{Asked, CancelHow, Config, Random, Simulated, Started, VirtualClock};
use segno_host::store::Store;
use segno_journal::{Event, Run, RunId, Timestamp, Turn, Verdict};
use segno_tests::faulty::{Disk, Kept};
use segno_tests::{basics, raw};
use serde_json::json;

/// What all ask for.
const TOKEN: &str = "one";

/// How many ask for it at first.
const CROWD: usize = 100;

/// How many ask for it while somebody gives it back.
const LATE: usize = 25;

/// How many drafts are committed at once: few, so that there are many commits to crash at.
const DRAFTS: usize = 8;

/// A host, and all that was ever on its disk.
struct Host {
    disk: Disk,
    engine: Simulated,
    store: Store,
    asked: Vec<Asked<Started>>,
    /// A run was ended without its shard.
    goes_round: bool,
}

impl Host {
    fn open(disk: Disk) -> Self {
        let store = Store::open_on(disk.clone()).expect("the store opens");
        let mut config = Config::new("unused", "http://segno.test");
        (config.cache, config.shards) = (segno_tests::cache(), 2);
        let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
        let chance = Random::seeded(disk.operations() as u64);
        let engine = Simulated::open(store.clone(), config, guest_basics::steps(), clock, chance);
        Self {
            disk,
            engine: engine.expect("the engine opens"),
            store,
            asked: Vec::new(),
            goes_round: false,
        }
    }

    /// So many runs ask for the token.
    fn ask(&mut self, runs: usize) {
        let input = || raw(&json!(TOKEN));
        let asked = (0..runs).map(|_| self.engine.start("keeps_token", input(), None));
        self.asked.extend(asked);
    }

    /// One more run asks for the token, and hears what becomes of that.
    fn ask_once(&mut self) -> RunId {
        self.ask(1);
        self.settle();
        let answer = self.asked.last_mut().and_then(Asked::answer).expect("it is written");
        answer.expect("it starts").run_id
    }

    /// Does one thing. False where there is none. After each commit there are not two who have the token.
    fn go_on(&mut self) -> bool {
        if let Some(shard) = self.engine.told().iter().position(|told| *told > 0) {
            self.engine.handle(shard);
        } else if self.engine.written() > 0 {
            self.engine.let_go();
        } else if self.engine.waiting() > 0 {
            self.engine.write(DRAFTS.min(self.engine.waiting()));
            self.owner();
        } else {
            return false;
        }
        true
    }

    fn settle(&mut self) {
        while self.go_on() {}
    }

    /// The run that knows that it has the token, which the store says as well.
    fn owner(&self) -> Option<RunId> {
        let owners: Vec<_> =
            self.keepers().filter(|(_, knows)| *knows).map(|(run, _)| run).collect();
        assert!(owners.len() < 2, "all of them have the token: {owners:?}");
        let hook = self.store.hook(TOKEN).expect("the store can be read").map(|hook| hook.run());
        let listed = self.store.hooks(None, 2).expect("the store can be read");
        let listed: Vec<_> = listed.into_iter().map(|(_, hook)| hook.run()).collect();
        assert_eq!(listed, Vec::from_iter(hook), "the list says something else");
        let owner = owners.first().copied();
        assert!(owner.is_none() || owner == hook, "{owner:?} has the token that {hook:?} has");
        owner
    }

    /// The runs that want the token or have it, and whether they know that they do.
    fn keepers(&self) -> impl Iterator<Item = (RunId, bool)> {
        let unfinished = self.store.unfinished().expect("the store can be read").into_iter();
        unfinished.filter_map(|run| {
            let state = turns(&self.store, run).iter().fold(Run::new(), |state, turn| {
                state.apply(turn).expect("its turns are in order").0
            });
            let mut hooks = state.open().filter_map(|(_, open)| open.hook());
            hooks.find(|hook| !hook.disposed).map(|hook| (run, hook.claimed))
        })
    }

    /// The one that has the token when nothing is left to do: nobody waits to hear of it any more, and who
    /// has not got it heard of a run that had.
    fn settled(&mut self) -> Option<RunId> {
        self.settle();
        let owner = self.owner();
        assert_eq!(self.keepers().map(|(run, _)| run).collect::<Vec<_>>(), Vec::from_iter(owner));
        // A run that was ended without its shard leaves its row to the next host.
        let rows = self.store.raw_rows("hooks").expect("the store can be read");
        let is_kept = rows.len() > usize::from(owner.is_some());
        assert!(!is_kept || self.goes_round, "the token is kept for nobody");
        let had = self.had();
        for run in runs(&self.store) {
            if let Some(other) = told(&self.store, run) {
                assert!(had.contains(&other), "{run} heard of {other}, which never had it");
            }
        }
        let nobody_gave_it_back = had.iter().all(|run| Some(*run) == owner);
        assert!(
            owner.is_some() || !nobody_gave_it_back || runs(&self.store).is_empty(),
            "somebody asked, nobody has given it back, and nobody has it"
        );
        owner
    }

    /// The runs that ever knew that they had the token.
    fn had(&self) -> BTreeSet<RunId> {
        let had = |turn: &Turn| matches!(turn.event, Event::HookOpened { .. });
        let runs = runs(&self.store).into_iter();
        runs.filter(|run| turns(&self.store, *run).iter().any(had)).collect()
    }

    /// The owner is sent something.
    fn send(&mut self, what: &str) {
        drop(self.engine.resume_hook(TOKEN, json!(what).to_string()));
    }

    /// The owner is ended behind the back of its shard.
    fn end_without_shard(&mut self, owner: RunId) {
        self.goes_round = true;
        drop(self.engine.end_without_shard(owner));
    }
}

/// The ways to give a token back.
const WAYS: [fn(&mut Host, RunId); 4] = [
    |host, _owner| host.send("end"),
    |host, _owner| host.send("dispose"),
    |host, owner| drop(host.engine.cancel(owner, CancelHow::default())),
    Host::end_without_shard,
];

/// All runs on disk.
fn runs(store: &Store) -> Vec<RunId> {
    let mut runs = Vec::new();
    let visited = store.visit_runs(None, |run, _record| {
        runs.push(run);
        ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    runs
}

fn turns(store: &Store, run: RunId) -> Vec<Turn> {
    let mut turns = Vec::new();
    let visited = store.visit_turns(run, 0, |turn| {
        turns.push(turn);
        ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    turns
}

/// Whose token it was, where a run has ended because it was another's.
fn told(store: &Store, run: RunId) -> Option<RunId> {
    let last = store.last_turn(run).expect("the store can be read")?;
    let Verdict::Completed(output) = last.verdict else { return None };
    let owner: Option<String> = serde_json::from_str(&output).expect("an output is what it says");
    owner.map(|owner| owner.parse().expect("an ID"))
}

/// The story, and after how many operations of its disk it begins.
fn story() -> &'static (Disk, usize) {
    static STORY: OnceLock<(Disk, usize)> = OnceLock::new();
    STORY.get_or_init(|| {
        let mut host = Host::open(Disk::default());
        let _deployed = host.engine.deploy(basics()).expect("the module is good");
        host.settle();
        let begins = host.disk.operations();
        host.ask(CROWD);
        for give_back in WAYS {
            let owner = host.settled().unwrap_or_else(|| host.ask_once());
            assert_eq!(host.owner(), Some(owner));
            host.ask(LATE / 2);
            give_back(&mut host, owner);
            host.ask(LATE - LATE / 2);
            assert_ne!(host.settled(), Some(owner), "it was given back");
        }
        assert!(runs(&host.store).len() >= CROWD + WAYS.len() * LATE);
        (host.disk, begins)
    })
}

/// Crashes at each point of the story in one way. (Where the power fails, what is left is what a host leaves
/// that is killed when its disk has synced.)
fn crash_everywhere(kept: impl Fn(usize) -> Kept) {
    let (disk, begins) = story();
    assert!(disk.operations() - begins > 100, "there is little to crash at");
    for point in *begins..=disk.operations() {
        go_on_after(disk.after_crash(point, kept(point)), point);
    }
}

/// What comes of what a crash left: exactly one has the token, who asks then hears of it, and it goes from
/// hand to hand.
fn go_on_after(disk: Disk, point: usize) {
    let mut host = Host::open(disk);
    for _ in 0..point % 16 {
        host.go_on();
    }
    let mut host = Host::open(host.disk.after_power_failure());
    let before = host.settled();
    let next = host.ask_once();
    let owner = host.settled();
    match before {
        Some(before) => {
            assert_eq!((owner, told(&host.store, next)), (Some(before), Some(before)));
        }
        None => assert_eq!(owner, Some(next), "nobody had it"),
    }
    for give_back in WAYS {
        let owner = host.settled().expect("somebody has it");
        give_back(&mut host, owner);
        assert_eq!(host.settled(), None, "it was given back");
        let next = host.ask_once();
        assert_eq!(host.settled(), Some(next), "it is free");
    }
    let owner = host.settled().expect("somebody has it");
    host.end_without_shard(owner);
    // Its shard hears of that with whatever it is told next.
    drop(host.engine.cancel(owner, CancelHow::default()));
    host.goes_round = false;
    assert_eq!(host.settled(), None, "the shard has given it back");
    let owner = host.ask_once();
    host.end_without_shard(owner);
    host.settle();
    assert_eq!(Host::open(host.disk.after_power_failure()).settled(), None, "it is given back");
}

#[test]
fn one_of_a_hundred_has_the_token_wherever_the_host_is_killed() {
    crash_everywhere(|_point| Kept::All);
}

#[test]
fn one_of_a_hundred_has_the_token_whatever_the_disk_keeps() {
    crash_everywhere(|point| Kept::Some(point as u64));
}
