//! What the scenarios share: components built once, and an engine on a directory of its own.

pub mod crashes;
pub mod faulty;
pub mod fuzz;
pub mod garbage;
pub mod hostile;
pub mod load;
pub mod simulation;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use segno_host::engine::{Config, Engine, MissingSteps, RunView, Wait};
use segno_journal::{Request, RunId};
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;

/// The component of the package `guest-basics`: workflows that behave.
pub fn basics() -> Bytes {
    static COMPONENT: OnceLock<Bytes> = OnceLock::new();
    COMPONENT.get_or_init(|| component("guest-basics")).clone()
}

/// The component of the package `guest-basics` with a section of its own at the end, which says nothing
/// to anybody: it does the same, and is another module.
pub fn edition(number: u8) -> Bytes {
    let name = b"edition";
    let size = u8::try_from(1 + name.len() + 1).expect("it is short");
    let length = u8::try_from(name.len()).expect("it is short");
    let section = [&[0, size, length], name.as_slice(), &[number]].concat();
    [basics().as_ref(), &section].concat().into()
}

/// The component of the package `guest-rogue`: workflows that do not.
pub fn rogue() -> Bytes {
    static COMPONENT: OnceLock<Bytes> = OnceLock::new();
    COMPONENT.get_or_init(|| component("guest-rogue")).clone()
}

/// The component of the package `bench-workflows`, built now: what `segno bench` measures.
pub fn bench_workflows() -> Bytes {
    static COMPONENT: OnceLock<Bytes> = OnceLock::new();
    COMPONENT.get_or_init(|| component("bench-workflows")).clone()
}

/// Builds a package of this workspace for the sandbox, as `segno build` does.
fn component(package: &str) -> Bytes {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let built = segno_host::build_components(Some(&manifest), &[package.to_owned()], &|_line| {});
    let paths = built.unwrap_or_else(|error| panic!("the guest cannot be built: {error:#}"));
    std::fs::read(&paths[0]).expect("what was built can be read").into()
}

/// Where compiled modules are kept over all tests: beside the test's own binary.
pub fn cache() -> PathBuf {
    let binary = std::env::current_exe().expect("a test has a binary");
    binary.with_file_name("segno-cache")
}

/// An engine on a directory of its own, with the module `guest-basics` and its steps.
pub struct Host {
    /// The engine.
    pub engine: Engine,
    directory: TempDir,
}

impl Host {
    /// A new engine with the defaults.
    pub async fn new() -> Self {
        Self::with(|_config| {}).await
    }

    /// A new engine whose host has no steps of its own.
    pub async fn without_steps() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let host = Self::open_with(directory, segno::Steps::new(), |_config| {}).await;
        let deployed = host.engine.deploy_with(basics(), MissingSteps::Allowed).await;
        deployed.expect("the module is good");
        host
    }

    /// A new engine that is configured so.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let host = Self::open(directory, configure).await;
        host.engine.deploy(basics()).await.expect("the module is good");
        host
    }

    /// Stops the engine and opens one on the same directory.
    pub async fn restart(self, configure: impl FnOnce(&mut Config)) -> Self {
        Self::reopen(self.stop().await, configure).await
    }

    /// Stops the engine and lets its store go.
    pub async fn stop(self) -> TempDir {
        let Self { engine, directory } = self;
        engine.shutdown().await;
        directory
    }

    /// An engine on a directory that another one has left.
    pub async fn reopen(directory: TempDir, configure: impl FnOnce(&mut Config)) -> Self {
        Self::open(directory, configure).await
    }

    /// Stops the engine, and opens one on the same directory whose host has no steps of its own.
    pub async fn restart_without_steps(self) -> Self {
        let Self { engine, directory } = self;
        engine.shutdown().await;
        drop(engine);
        Self::open_with(directory, segno::Steps::new(), |config| config.drain = Duration::ZERO)
            .await
    }

    async fn open(directory: TempDir, configure: impl FnOnce(&mut Config)) -> Self {
        Self::open_with(directory, guest_basics::steps(), configure).await
    }

    async fn open_with(
        directory: TempDir,
        steps: segno::Steps,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::new(directory.path(), "http://segno.test");
        config.cache = cache();
        config.verify_images = true;
        configure(&mut config);
        let engine = Engine::open(config, steps).await.expect("the engine opens");
        Self { engine, directory }
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a run.
    pub async fn start(&self, workflow: &str, input: Value) -> RunId {
        self.engine.start(workflow, raw(&input), None).await.expect("the run starts").run_id
    }

    /// The run, once it has ended or is blocked.
    pub async fn end(&self, run: RunId) -> RunView {
        let view = self.engine.wait(run, PATIENCE).await.expect("the run is known");
        assert!(view.ended_at.is_some() || view.blocked.is_some(), "{run} has not ended: {view:?}");
        view
    }

    /// The output of a run, once it has one; that it may be blocked until then is no matter.
    pub async fn output(&self, run: RunId) -> Value {
        output_of(&self.engine, run).await
    }

    /// Starts a run, and gives it back once it has ended or is blocked.
    pub async fn run(&self, workflow: &str, input: Value) -> RunView {
        let run = self.start(workflow, input).await;
        self.end(run).await
    }

    /// The token of the webhook that a run waits for, once it does.
    pub async fn token(&self, run: RunId) -> String {
        token(&self.engine, run).await
    }

    /// What a look at the run finds, once it finds something.
    pub async fn until<T>(&self, run: RunId, look: impl Fn(&RunView) -> Option<T>) -> T {
        until(&self.engine, run, look).await
    }
}

/// The token of the webhook that a run waits for, once it does.
pub async fn token(engine: &Engine, run: RunId) -> String {
    until(engine, run, |view| {
        view.waits_for.iter().find_map(|wait| match wait {
            Wait::Webhook { url, .. } => url.rsplit('/').next().map(str::to_owned),
            _ => None,
        })
    })
    .await
}

/// The output of a run, once it has one; that it may be blocked until then is no matter.
pub async fn output_of(engine: &Engine, run: RunId) -> Value {
    until(engine, run, |view| view.output.is_some().then(|| output(view))).await
}

async fn until<T>(engine: &Engine, run: RunId, look: impl Fn(&RunView) -> Option<T>) -> T {
    patiently(async {
        loop {
            let view = engine.run(run).await.expect("the run is known");
            if let Some(found) = look(&view) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// The output of a run that has completed.
pub fn output(view: &RunView) -> Value {
    let output = view.output.as_ref().unwrap_or_else(|| panic!("the run has no output: {view:?}"));
    serde_json::from_str(output.get()).expect("an output is JSON")
}

/// Why a run is blocked.
pub fn blocked(view: &RunView) -> &str {
    &view.blocked.as_ref().unwrap_or_else(|| panic!("the run is not blocked: {view:?}")).message
}

/// JSON as the engine takes it.
pub fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("a value is JSON")
}

/// A call of a webhook with this body.
pub fn post(body: &str) -> Request {
    Request {
        number: 0,
        method: "POST".into(),
        url: "/".into(),
        headers: vec![("content-type".into(), "text/plain".into())],
        body: body.into(),
    }
}

/// How long a scenario waits for what must come. It is a bound on hanging, not on speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The future's value, unless it hangs.
pub async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not hang")
}

/// The examples of the book are compiled like those of the documentation.
#[cfg(doctest)]
mod book {
    macro_rules! chapters {
        ($($name:ident = $file:literal),* $(,)?) => {
            $(#[doc = include_str!(concat!("../../docs/src/", $file))] struct $name;)*
        };
    }

    chapters! {
        Introduction = "introduction.md",
        FirstWorkflow = "first-workflow.md",
        Workflows = "workflows.md",
        Steps = "steps.md",
        Sleeping = "sleeping.md",
        Webhooks = "webhooks.md",
        Talking = "talking.md",
        Streams = "streams.md",
        Children = "children.md",
        Errors = "errors.md",
        Sagas = "sagas.md",
        Testing = "testing.md",
        Deploying = "deploying.md",
        Operating = "operating.md",
        Finding = "finding.md",
    }
}
