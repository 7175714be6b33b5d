//! What the engine is told when it is opened.

mod images;
mod policy;
mod retention;
mod signing;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use segno_journal::RunId;
use segno_journal::retry::FOREVER;

pub use crate::engine::config::images::ImageTurns;
pub use crate::engine::config::policy::{BadPolicy, Policy, Rule};
pub use crate::engine::config::retention::Retention;
pub use crate::engine::config::signing::{BadSigningKey, SigningKey};

pub(crate) use crate::engine::config::signing::seconds;

#[cfg(test)]
pub(crate) use crate::engine::config::images::{APART, WORTH_WHEN_LET_GO, WORTH_WHILE_LIVE};

use crate::sandbox::Quota;
use crate::steps::Egress;
use crate::store::DEFAULT_CACHE;

/// How an engine is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the journal and the compiled modules live. Made if it is missing; one engine at a time.
    pub data: PathBuf,
    /// Where compiled modules are kept, so that they load in milliseconds. It may be deleted at any
    /// time. What lies in it is run as it is: whoever may write it has the host.
    pub cache: PathBuf,
    /// What the URLs of webhooks begin with, without a slash at the end.
    pub public_url: String,
    /// Where the management API is reached from this machine, which steps are told; without a slash at the
    /// end, and empty where there is none.
    pub api_url: String,
    /// How many threads run workflows: each run stays on one of them.
    pub shards: usize,
    /// How much memory live workflows may hold together, in bytes. What lies idle beyond it is
    /// dropped, and replayed when its next event comes.
    pub memory_budget: usize,
    /// How much all runs together may keep open, in bytes: inputs of steps that have not ended, and fixed
    /// answers of webhooks. Each may keep a little whatever the others do. A run that wants more is
    /// blocked.
    pub open_budget: usize,
    /// How many steps run at once on this host.
    pub max_running_steps: usize,
    /// How long one attempt of a step may take, whatever the step or its workflow says: what hangs
    /// gives its place back in the end.
    pub max_step_timeout: Duration,
    /// How many times a failed attempt of a step is tried again, whatever the step or its workflow says.
    pub max_step_retries: u32,
    /// How long a caller of a `manual` webhook waits for the workflow's answer before it gets 202.
    pub respond_timeout: Duration,
    /// How many callers of `manual` webhooks wait for an answer at once, and how many clients for the
    /// end of a run. Who comes beyond that is refused at once: each of them holds a connection, and
    /// there must be some left for what does not wait.
    pub max_waiting: usize,
    /// How long steps in flight may go on when the host is told to stop. An attempt that takes
    /// longer is cut off, and made again at the next start.
    pub drain: Duration,
    /// After how many turns images are taken. The defaults are what pays; tests take more of them.
    pub image_turns: ImageTurns,
    /// Whether each run that comes back from an image is also brought back without it, and the two
    /// are compared. It costs what images save: for tests, and for whoever mistrusts them.
    pub verify_images: bool,
    /// How much of the store is kept in memory, in bytes. The host takes so much more memory while it
    /// warms up.
    pub store_cache: usize,
    /// Where the built-in step `http` may go; none leaves the step out.
    pub http: Option<Egress>,
    /// What calls at the end of runs are signed with. Without it, or without `http`, none is made.
    pub signing_key: Option<SigningKey>,
    /// The program that compiles components in processes of its own, where a hostile one harms nobody: one
    /// whose `main` is [`crate::main`]. Without it they are compiled in this process.
    pub compiler: Option<PathBuf>,
    /// How large a component may be, in bytes.
    pub max_module: usize,
    /// Which steps workflows may call, of those that their modules list.
    pub policy: Policy,
    /// The engine before this one was let go in this process, because its store had failed: nothing
    /// that ran then took the host down.
    pub host_survived: bool,
    /// Runs that are not to go on, nor to be read, until somebody resumes them: one that harms the host
    /// can be left out of it so.
    pub park: BTreeSet<RunId>,
    /// How long runs are kept that have ended.
    pub retention: Retention,
    /// What one run may use.
    pub limits: Limits,
}

impl Config {
    /// The defaults, for a data directory and the address that webhooks are reached at.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>, public_url: impl Into<String>) -> Self {
        let data = data.into();
        Self {
            cache: data.join("cache"),
            data,
            public_url: public_url.into().trim_end_matches('/').to_owned(),
            api_url: String::new(),
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            memory_budget: 1 << 30,
            open_budget: 512 << 20,
            max_running_steps: 2_000,
            max_step_timeout: Duration::from_secs(24 * 60 * 60),
            max_step_retries: FOREVER,
            respond_timeout: Duration::from_secs(30),
            max_waiting: 2_048,
            drain: Duration::from_secs(10),
            image_turns: ImageTurns::default(),
            verify_images: false,
            store_cache: DEFAULT_CACHE,
            host_survived: false,
            http: Some(Egress::default()),
            signing_key: None,
            compiler: None,
            max_module: 8 << 20,
            policy: Policy::default(),
            park: BTreeSet::new(),
            retention: Retention::default(),
            limits: Limits::default(),
        }
    }
}

/// What one run may use. A run that wants more is blocked, with its state whole; a raised limit lets
/// it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instructions per turn, as wasmtime counts fuel: about a second of pure computing.
    pub fuel_per_turn: u64,
    /// Linear memory, in bytes.
    pub memory: usize,
    /// Operations open at once.
    pub open_operations: usize,
    /// Bytes of the operations that are open: inputs of steps and fixed answers of webhooks, which lie in
    /// memory until they are over.
    pub open_bytes: usize,
    /// Commands in one turn.
    pub commands_per_turn: usize,
    /// Bytes that the commands of one turn carry.
    pub bytes_per_turn: usize,
    /// Children that have not ended, of one run, of its children, and so on.
    pub family: usize,
    /// Bytes of one JSON value: a run's input or output, a step's input or output.
    pub payload: usize,
    /// Bytes that a stream keeps: what is older is forgotten.
    pub stream: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel_per_turn: 2_000_000_000,
            memory: 64 << 20,
            open_operations: 100_000,
            open_bytes: 32 << 20,
            commands_per_turn: 100_000,
            bytes_per_turn: 32 << 20,
            payload: 4 << 20,
            family: 10_000,
            stream: 16 << 20,
        }
    }
}

impl Limits {
    /// What a guest may use.
    pub(crate) fn quota(&self) -> Quota {
        Quota {
            fuel_per_turn: self.fuel_per_turn,
            seconds: Quota::seconds_for(self.fuel_per_turn),
            memory: self.memory,
            commands_per_turn: self.commands_per_turn,
            bytes_per_turn: self.bytes_per_turn,
            payload: self.payload,
        }
    }
}
