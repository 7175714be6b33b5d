//! Hostile components on a host that others use, too: whatever they do, a turn ends, memory stays
//! within its bound, the runs of others go on, and nothing panics.

use std::time::Duration;

use anyhow::{Context, ensure};
use segno::native::{Step, StepPolicy};
use segno_host::engine::{Config, Engine, EngineError, Limits, NewSignal, Query, Wait};
use segno_journal::RunId;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::fuzz::program::Program;
use crate::fuzz::reader::Reader;
use crate::hostile::{Import, imports};
use crate::{basics, post, raw};

/// What a run may use: little, so that many hostile runs have their turns.
const LIMITS: fn() -> Limits =
    || Limits { fuel_per_turn: 200_000_000, memory: 16 << 20, ..Limits::default() };

/// What live guests may hold together.
const BUDGET: usize = 64 << 20;

/// How much time of a processor it may take to answer what is asked of a hostile component: a turn of
/// it, and what waits behind one of each other run of its shard. Not of the clock: other work on the
/// machine is nobody's fault. A host that is not optimised takes ten times as long for a call.
const TURN: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// How long it may take at all, and a run of somebody else, which is over in milliseconds on a host that
/// is idle: a bound on hanging.
const INNOCENT: Duration = Duration::from_secs(60);

/// How long a caller waits for an answer that perhaps nobody gives.
const ANSWER: Duration = Duration::from_millis(500);

/// By how much the process may grow: the budget, the cache of the store, and what compiling takes.
const GROWTH: usize = 512 << 20;

/// How many runs of others are looked at after each component: some on each shard.
const INNOCENTS: usize = 4;

/// Hosts in this process, one after the other: one that has failed is not asked again.
pub(super) struct Hosts {
    runtime: Runtime,
    host: Option<Host>,
    imports: Vec<Import>,
    resident: usize,
}

/// An engine, and where it lies.
struct Host {
    engine: Engine,
    directory: TempDir,
}

impl Hosts {
    pub(super) fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let host = Some(runtime.block_on(Host::new())?);
        Ok(Self { runtime, host, imports: imports(), resident: resident()? })
    }

    fn try_out(&mut self, input: &[u8]) -> anyhow::Result<()> {
        let program = Program::read(&self.imports, input);
        let Some(component) = program.component.clone() else { return Ok(()) };
        let host = self.host.take();
        let host = self.runtime.block_on(async {
            let mut host = match host {
                Some(host) => host,
                None => Host::new().await?,
            };
            let runs = attack(&host.engine, component, &program).await?;
            if program.restart {
                host = host.restart().await?;
            }
            look_after(&host.engine, runs).await?;
            anyhow::Ok(host)
        })?;
        self.host = Some(host);
        let grown = resident()?.saturating_sub(self.resident);
        ensure!(grown <= GROWTH, "the host has grown by {} MiB", grown >> 20);
        Ok(())
    }
}

impl Host {
    async fn new() -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        let engine = open(&directory).await?;
        engine.deploy(basics()).await?;
        Ok(Self { engine, directory })
    }

    async fn restart(self) -> anyhow::Result<Self> {
        let Self { engine, directory } = self;
        timeout(INNOCENT, engine.shutdown()).await.context("the host does not stop")?;
        drop(engine);
        Ok(Self { engine: open(&directory).await?, directory })
    }
}

impl Reader for Hosts {
    fn seeds(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        // Each import once and as often as it goes, in each phase that a run has.
        let calls = u8::try_from(self.imports.len() + 8).context("there are few")?;
        let seeds = (0..calls).flat_map(|call| {
            [(1, 0), (2, 0), (3, 0), (7, 0)].map(|(phase, page)| {
                let often = [phase, call, 39, 0, 0, 1, 1, 1, 1];
                let once = [2, 5 % calls, 0, 1, 1, 1, 1, 1];
                [&[0b0000_1101, page, 1][..], &often, &once].concat()
            })
        });
        Ok(seeds.collect())
    }

    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        inputs.iter().try_for_each(|input| self.try_out(input))
    }
}

async fn open(directory: &TempDir) -> anyhow::Result<Engine> {
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.memory_budget = BUDGET;
    config.limits = LIMITS();
    config.drain = Duration::ZERO;
    let echo = Step::new("w", StepPolicy::default(), async |input| Ok(input));
    Ok(Engine::open(config, guest_basics::steps().with(echo)).await?)
}

/// Deploys a component, starts runs of it, and calls their webhooks. That it is refused is fine.
async fn attack(
    engine: &Engine,
    component: Vec<u8>,
    program: &Program,
) -> anyhow::Result<Vec<RunId>> {
    let Ok(_deployed) = soon("the deploy", engine.deploy(component.into())).await? else {
        return Ok(Vec::new());
    };
    let mut runs = Vec::new();
    for _ in 0..program.runs {
        let started =
            soon("the start of a hostile run", engine.start("w", raw(&json!(1)), None)).await?;
        runs.extend(started.ok().map(|started| started.run_id));
    }
    for run in &runs {
        for _ in 0..program.calls {
            call(engine, *run).await?;
        }
        talk_to(engine, *run).await?;
    }
    Ok(runs)
}

/// Says something to a run, and asks it something. It may refuse both, and be long about either: whoever
/// asks waits no longer than for the copy to have had the turns that lie behind its image.
async fn talk_to(engine: &Engine, run: RunId) -> anyhow::Result<()> {
    let sent = NewSignal { name: "w".to_owned(), key: None, payload: "1".to_owned() };
    drop(timeout(ANSWER, engine.signal(run, sent, true)).await);
    let query = Query { name: "w".to_owned(), input: "1".to_owned(), at: None };
    let asked = timeout(INNOCENT, engine.query(run, query)).await;
    drop(asked.context("a question is not answered")?);
    Ok(())
}

/// Calls the first webhook of a run, if it has one.
async fn call(engine: &Engine, run: RunId) -> anyhow::Result<()> {
    let Ok(view) = soon("a look at a hostile run", engine.run(run)).await? else { return Ok(()) };
    let url = view.waits_for.iter().find_map(|wait| match wait {
        Wait::Webhook { url, .. } => url.rsplit('/').next(),
        _ => None,
    });
    let Some(token) = url else { return Ok(()) };
    // One that is answered by hand, by nobody, waits for its time to be up.
    drop(timeout(ANSWER, engine.call_webhook(token, post("null"))).await);
    Ok(())
}

/// Others have their turns meanwhile, and whoever wants to be rid of a hostile run is.
async fn look_after(engine: &Engine, runs: Vec<RunId>) -> anyhow::Result<()> {
    for _ in 0..INNOCENTS {
        let started = timeout(INNOCENT, engine.start("add_steps", raw(&json!(3)), None));
        let run = started.await.context("the run of somebody else does not start")??.run_id;
        let view = engine.wait(run, INNOCENT).await?;
        ensure!(view.output.is_some(), "the run of somebody else is late: {view:?}");
    }
    for run in runs {
        match soon("a cancel", engine.cancel(run)).await? {
            Ok(_) | Err(EngineError::AlreadyEnded(_) | EngineError::UnknownRun(_)) => {}
            Err(error) => return Err(error).context("a hostile run cannot be cancelled"),
        }
    }
    ensure!(engine.trouble().is_none(), "the host takes no more work: {:?}", engine.trouble());
    Ok(())
}

/// What somebody asks is answered while hostile runs have their turns.
async fn soon<T>(what: &str, asked: impl Future<Output = T>) -> anyhow::Result<T> {
    let begun = busy()?;
    let answer =
        timeout(INNOCENT, asked).await.with_context(|| format!("{what} is not answered"))?;
    let took = busy()?.saturating_sub(begun);
    ensure!(took < TURN, "{what} took {took:?} of a processor");
    Ok(answer)
}

/// How long this process has kept processors busy; nothing where the system does not say.
fn busy() -> anyhow::Result<Duration> {
    /// Of all systems that tell it so.
    const TICK: Duration = Duration::from_millis(10);
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return Ok(Duration::ZERO) };
    // Behind the name of the program, which may be anything, the 12th and 13th are user and system time.
    let (_, rest) = stat.rsplit_once(')').context("stat has a name")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Ok(TICK * ticks.sum::<Result<u32, _>>()?)
}

/// How much memory of this process is resident, in bytes; 0 where the system does not say.
fn resident() -> anyhow::Result<usize> {
    /// The size of a page on the machines that tell it so.
    const PAGE: usize = 4 << 10;
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return Ok(0) };
    let pages = statm.split_whitespace().nth(1).context("statm has a second number")?;
    Ok(pages.parse::<usize>()? * PAGE)
}
