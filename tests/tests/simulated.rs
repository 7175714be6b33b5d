//! An engine that does only what it is told: each thing that it does waits for somebody to let it.

use std::time::Duration;

use segno_host::engine::{
    CancelHow, Config, EngineError, JobError, JobKind, JobMade, NewJob, Random, RunFilter,
    Simulated, VirtualClock,
};
use segno_host::steps::Outcome;
use segno_host::store::{Standing, Store};
use segno_journal::{BlockKind, Blocked, Event, MAX_LOSSES, RunId, Timestamp};
use segno_tests::faulty::Disk;
use segno_tests::{basics, edition, raw};
use serde_json::{Value, json};

fn open(disk: &Disk, clock: &VirtualClock) -> (Simulated, Store) {
    open_with(disk, clock, |_config| {})
}

fn open_with(disk: &Disk, clock: &VirtualClock, configure: fn(&mut Config)) -> (Simulated, Store) {
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let mut config = Config::new("unused", "http://segno.test");
    (config.cache, config.shards) = (segno_tests::cache(), 2);
    configure(&mut config);
    let steps = guest_basics::steps();
    let chance = Random::seeded(1);
    let engine = Simulated::open(store.clone(), config, steps, clock.clone(), chance);
    (engine.expect("the engine opens"), store)
}

/// Does what can be done, but for time and steps.
fn settle(engine: &mut Simulated) {
    while go_on(engine) {}
}

/// Does one thing, but for time and steps. False where there is none.
fn go_on(engine: &mut Simulated) -> bool {
    if let Some(shard) = engine.told().iter().position(|told| *told > 0) {
        engine.handle(shard);
    } else if engine.written() > 0 {
        engine.let_go();
    } else if engine.waiting() > 0 {
        engine.write(usize::MAX);
    } else {
        return false;
    }
    true
}

fn deployed() -> (Disk, VirtualClock) {
    let disk = Disk::default();
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let (mut engine, _store) = open(&disk, &clock);
    let mut asked = engine.deploy(basics()).expect("the module is good");
    settle(&mut engine);
    asked.answer().expect("it is written").expect("it is deployed");
    (disk, clock)
}

fn started(engine: &mut Simulated, workflow: &str, input: &serde_json::Value) -> RunId {
    let mut asked = engine.start(workflow, raw(input), None);
    settle(engine);
    asked.answer().expect("it is written").expect("it starts").run_id
}

#[test]
fn the_world_hears_of_a_turn_when_it_is_on_disk_and_not_before() {
    let (disk, clock) = deployed();
    let (mut engine, _store) = open(&disk, &clock);
    settle(&mut engine);
    let mut asked = engine.start("add_steps", raw(&json!(1)), None);
    let shard = engine.told().iter().position(|told| *told > 0).expect("a shard was told");
    engine.handle(shard);
    assert!((engine.attempts().len(), engine.waiting()) == (0, 1) && asked.answer().is_none());
    engine.write(1);
    assert!(
        engine.attempts().is_empty() && asked.answer().is_none(),
        "the committer holds it back"
    );
    engine.let_go();
    assert!(engine.attempts().len() == 1 && asked.answer().is_some());
}

#[test]
fn what_a_turn_opens_is_open_when_its_steps_begin() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    for workflow in ["drawn", "hook"] {
        let _asked = engine.start(workflow, raw(&json!(1)), None);
        while engine.attempts().is_empty() {
            assert!(go_on(&mut engine), "its step never begins");
        }
        let input = &engine.attempts()[0].call.input;
        let input: Value = serde_json::from_str(input).expect("an input is JSON");
        let told = input["text"].as_str().expect("the step is told where the run is reached");
        let token = told.rsplit('/').next().expect("the token is last");
        let kept = Store::open_on(disk.after_power_failure()).expect("the store opens");
        for store in [&store, &kept] {
            let hook = store.hook(token).expect("the store can be read");
            let webhook = store.webhook(token).expect("the store can be read");
            assert!(hook.is_some() || webhook.is_some(), "{workflow} is not open yet");
        }
        engine.end(0, Outcome::Returned(json!(told).to_string()));
        settle(&mut engine);
    }
}

#[test]
fn what_was_not_written_at_a_crash_never_was() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    let run = started(&mut engine, "nap", &json!(1_000));
    let mut lost = engine.start("nap", raw(&json!(1)), None);
    for shard in [0, 1] {
        engine.handle(shard);
    }
    assert!(lost.answer().is_none(), "it is not on disk");
    drop((engine, store));
    let (mut engine, store) = open(&disk.after_power_failure(), &clock);
    assert_eq!(store.unfinished().expect("the store can be read"), [run]);
    settle(&mut engine);
    let due = engine.next_timer().expect("it sleeps");
    engine.wait_until(due);
    settle(&mut engine);
    let record = store.run(run).expect("the store can be read").expect("it is there");
    assert!(matches!(record.standing, Standing::Completed(at) if at == due), "{record:?}");
}

#[test]
fn a_module_that_a_crash_left_behind_is_forgotten_at_the_next_start() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    let run = started(&mut engine, "nap", &json!(1_000));
    let mut asked = engine.deploy(edition(1)).expect("the module is good");
    settle(&mut engine);
    asked.answer().expect("it is written").expect("it is deployed");
    let modules = |store: &Store| store.modules().expect("the store can be read").len();
    assert_eq!(modules(&store), 2, "a run is on the old one");
    let due = engine.next_timer().expect("it sleeps");
    engine.wait_until(due);
    let shard = engine.told().iter().position(|told| *told > 0).expect("a shard was told");
    engine.handle(shard);
    engine.write(1);
    let record = store.run(run).expect("the store can be read").expect("it is there");
    assert!(record.standing.ended_at().is_some() && modules(&store) == 2, "{record:?}");
    drop((engine, store));
    let (mut engine, store) = open(&disk.after_power_failure(), &clock);
    settle(&mut engine);
    assert_eq!(modules(&store), 1, "nothing needs the old one");
}

#[test]
fn an_orderly_stop_uses_up_nothing() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    let runs = [1, 2, 3].map(|n| started(&mut engine, "add_steps", &json!(n)));
    engine.begin_stop();
    let mut refused = engine.start("echo", raw(&json!(1)), None);
    assert!(matches!(refused.answer(), Some(Err(EngineError::Stopping))));
    // The first ends, the second had not begun, and the third is cut off.
    engine.end(1, Outcome::NeverBegan);
    engine.end(0, Outcome::Returned("1".into()));
    engine.end_stop().expect("it can be written");
    drop(store);
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    assert_eq!(under_way(&engine), [(runs[1], 1), (runs[2], 1)]);
    assert_eq!(store.losses().expect("the store can be read"), [], "nothing is suspected");
    let last = store.last_turn(runs[0]).expect("the store can be read").expect("it has one");
    assert!(matches!(last.event, Event::StepCompleted { .. }), "{last:?}");
}

/// The attempts under way, by run and number.
fn under_way(engine: &Simulated) -> Vec<(RunId, u32)> {
    engine.attempts().iter().map(|attempt| (attempt.run, attempt.number)).collect()
}

/// A host whose disk keeps what is synced, and that can be killed.
struct Killed {
    disk: Disk,
    clock: VirtualClock,
    host: Option<(Simulated, Store)>,
    configure: fn(&mut Config),
}

impl Killed {
    fn new(configure: fn(&mut Config)) -> Self {
        let (disk, clock) = deployed();
        let mut killed = Self { disk, clock, host: None, configure };
        killed.open();
        killed
    }

    fn open(&mut self) {
        let (mut engine, store) = open_with(&self.disk, &self.clock, self.configure);
        settle(&mut engine);
        self.host = Some((engine, store));
    }

    /// The host goes down without a word, and comes back so much later.
    fn kill(&mut self, ms: u64) {
        self.host = None;
        self.clock.advance(Duration::from_millis(ms));
        self.disk = self.disk.after_power_failure();
        self.open();
    }

    fn engine(&mut self) -> &mut Simulated {
        &mut self.host.as_mut().expect("it was opened").0
    }

    fn store(&self) -> &Store {
        &self.host.as_ref().expect("it was opened").1
    }

    fn standing(&self, run: RunId) -> Standing {
        self.store().run(run).expect("the store can be read").expect("it is there").standing
    }

    /// Ends the first attempt well, or waits for the next timer. False if there is neither.
    fn go_on(&mut self) -> bool {
        let engine = self.engine();
        if !engine.attempts().is_empty() {
            engine.end(0, Outcome::Returned("1".into()));
        } else if let Some(due) = engine.next_timer() {
            engine.wait_until(due);
        } else {
            return false;
        }
        settle(engine);
        true
    }
}

#[test]
fn four_kills_within_seconds_fail_nothing() {
    let mut host = Killed::new(|config| config.max_running_steps = 2);
    let runs: Vec<_> = (0..20).map(|_| started(host.engine(), "add_steps", &json!(1))).collect();
    for _ in 0..4 {
        host.kill(700);
        assert!(
            under_way(host.engine()).iter().all(|(_, number)| *number == 1),
            "no attempt is used up"
        );
    }
    let losses = host.store().losses().expect("the store can be read");
    let suspected = losses.iter().filter(|(.., losses)| losses.count > 0).count();
    assert!(suspected <= 6, "{suspected} are suspected, and at most 2 ran at each kill");
    while host.go_on() {}
    for run in runs {
        assert!(matches!(host.standing(run), Standing::Completed(_)), "{:?}", host.standing(run));
    }
}

#[test]
fn a_step_that_kills_the_host_is_stopped_and_named_and_its_neighbours_go_on() {
    let mut host = Killed::new(|_config| {});
    let runs: Vec<_> = (0..7).map(|_| started(host.engine(), "add_steps", &json!(1))).collect();
    let killer = runs[3];
    let mut kills = 0;
    loop {
        if under_way(host.engine()).iter().any(|(run, _)| *run == killer) {
            kills += 1;
            host.kill(100);
        } else if !host.go_on() {
            break;
        }
    }
    // The first time nobody watches it: that costs a host which never crashes nothing.
    assert_eq!(kills, 1 + MAX_LOSSES);
    match host.standing(killer) {
        Standing::Blocked(Blocked { kind: BlockKind::Lost, message }) => {
            assert!(message.contains("its step `add` (0)"), "{message}");
        }
        other => panic!("it is not blocked: {other:?}"),
    }
    for run in runs.iter().filter(|run| **run != killer) {
        assert!(matches!(host.standing(*run), Standing::Completed(_)), "{:?}", host.standing(*run));
    }
    // Somebody has mended the step.
    let mut asked = host.engine().resume(killer, None);
    settle(host.engine());
    asked.answer().expect("it is written").expect("it was blocked");
    while host.go_on() {}
    assert!(matches!(host.standing(killer), Standing::Completed(_)), "{:?}", host.standing(killer));
    assert_eq!(host.store().losses().expect("the store can be read"), []);
}

#[test]
fn a_store_that_failed_makes_nobody_a_suspect() {
    let mut host = Killed::new(|_config| {});
    let run = started(host.engine(), "add_steps", &json!(1));
    host.kill(0);
    assert_eq!(under_way(host.engine()), [(run, 1)]);
    host.configure = |config| config.host_survived = true;
    for _ in 0..20 {
        host.kill(0);
        assert_eq!(under_way(host.engine()), [(run, 1)], "it begins again at once");
    }
    let losses = host.store().losses().expect("the store can be read");
    assert!(losses.iter().all(|(.., losses)| losses.count == 0), "{losses:?}");
}

/// Asks that all runs are paused by a job.
fn pause_all(engine: &mut Simulated) -> Result<JobMade, EngineError> {
    to_all(engine, JobKind::Pause)
}

/// Asks that a job does this to all runs.
fn to_all(engine: &mut Simulated, action: JobKind) -> Result<JobMade, EngineError> {
    let (kill, within, module, all, dry_run) = (false, None, None, true, false);
    let asked = NewJob { action, kill, within, module, all, dry_run };
    let mut asked = engine.make_job(asked, RunFilter::default());
    settle(engine);
    asked.answer().expect("it is answered")
}

#[test]
fn a_host_takes_so_many_jobs_at_once_and_no_more() {
    let (disk, clock) = deployed();
    let (mut engine, _store) = open(&disk, &clock);
    settle(&mut engine);
    for _ in 0..16 {
        pause_all(&mut engine).expect("there is room");
    }
    let refused = pause_all(&mut engine);
    assert!(matches!(refused, Err(EngineError::Job(JobError::TooMany(16)))), "{refused:?}");
    let mut worked = engine.work_on_jobs();
    settle(&mut engine);
    assert!(!worked.answer().expect("it is written").expect("there is nothing to do"));
    pause_all(&mut engine).expect("there is room again");
}

#[test]
fn a_job_that_is_stopped_while_it_is_at_a_page_does_no_more_than_that() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    let program = json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false });
    let runs = [(); 3].map(|()| started(&mut engine, "program", &program));
    let job = pause_all(&mut engine).expect("it is made").job.expect("it is no dry run").job_id;
    let mut page = engine.work_on_jobs();
    // Its page is with the shards; somebody is quicker than what came of it.
    let mut stopped = engine.stop_job(job);
    settle(&mut engine);
    stopped.answer().expect("it is written").expect("it goes on");
    assert!(!page.answer().expect("it is written").expect("it is done"), "nothing is left");
    let record = store.job(job).expect("it can be read").expect("it is there");
    assert!(record.stopped.is_some() && record.ended_at.is_some());
    assert_eq!(record.done, 3, "what was done counts");
    for run in runs {
        let record = store.run(run).expect("it can be read").expect("it is there");
        assert!(matches!(record.standing, Standing::Paused(_)), "{record:?}");
    }
}

#[test]
fn a_job_deletes_no_run_that_had_not_ended_when_it_was_made() {
    let (disk, clock) = deployed();
    let (mut engine, store) = open(&disk, &clock);
    settle(&mut engine);
    let program = json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false });
    let [early, late] = [(); 2].map(|()| started(&mut engine, "program", &program));
    let end = |engine: &mut Simulated, run| {
        let mut ended = engine.cancel(run, CancelHow::KILL);
        settle(engine);
        ended.answer().expect("it is written").expect("it goes on");
    };
    end(&mut engine, early);
    clock.advance(Duration::from_millis(1));
    let made = to_all(&mut engine, JobKind::Delete).expect("it is made");
    assert_eq!(made.runs.total, 1);
    end(&mut engine, late);
    let mut worked = engine.work_on_jobs();
    settle(&mut engine);
    worked.answer().expect("it is written").expect("it is done");
    let is_there = |run| store.run(run).expect("it can be read").is_some();
    assert_eq!((is_there(early), is_there(late)), (false, true));
    let job = made.job.expect("it is no dry run").job_id;
    let record = store.job(job).expect("it can be read").expect("it is there");
    assert_eq!((record.done, record.unchanged), (1, 1));
}
