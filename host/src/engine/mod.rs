//! The engine: which runs there are, which shard owns each, and what the doors may ask of them.
//!
//! [`Engine`] is the handle that the doors call. It finds what an answer needs, hands a message to
//! the shard that owns the run, and waits until the shard's word is on disk. The sentence that all
//! of this serves stands in the shard, as `Shard::turn`: an event comes in, the guest runs until it can
//! go no further, commands come out, the turn is committed, and only then does the world hear of it.
//!
//! The rooms, from the top: `life` opens and stops an engine; `control` and `reads` are what can be
//! asked of it; `handle` is what they ask through; `shard` gives runs their turns; `guests` keeps guests
//! live and replays them; `outside` is the world; `inbox` is how shards are reached.

mod admission;
mod clock;
mod config;
mod control;
mod error;
mod guests;
mod handle;
mod inbox;
mod life;
mod metrics;
mod modules;
mod outside;
mod random;
mod reads;
mod shard;

pub use segno_api::{
    AttributeView, BATCHED, BatchStarted, Batched, BlockedView, Deployed, HealthProblem,
    HealthReport, HistoryEntry, HistoryEvent, HistoryPage, HookPage, HookView, HostPauseView,
    IfRunning, JobKind, JobMade, JobPage, JobProgress, JobRefusals, JobStatus, JobView, Json,
    ModuleView, ProblemKind, RunCounts, RunFilter, RunPage, RunStatus, RunSummary, RunView,
    SIGNALS_AT_START, Started, Trouble, Wait, Why, WorkflowView,
};

pub use crate::engine::clock::{Clock, VirtualClock};
pub use crate::engine::config::{
    BadPolicy, BadSigningKey, Config, ImageTurns, Limits, Policy, Retention, Rule, SigningKey,
};
pub use crate::engine::control::{
    FoundWebhook, MissingSteps, NewBatch, NewFork, NewJob, NewRun, NewSignal, StartInBatch, Swept,
    Times,
};
pub use crate::engine::error::{EngineError, JobError};
pub use crate::engine::handle::Engine;
pub use crate::engine::inbox::{Answered, Asker, Busy, CancelHow, Place, Reply};
pub use crate::engine::life::{Asked, OpenError, Simulated, Streamed, Supervisor, offline};
pub use crate::engine::outside::{Heard, Watching, WentOn};
pub use crate::engine::random::{Random, WEBHOOK_PATH};
pub use crate::engine::reads::{BackupStopped, Chunk, Query, StreamReader};
pub use crate::sandbox::{COMPILE, compile_alone, with_schemas};
pub use crate::steps::{Allowed, Egress};
pub use crate::store::KeptFor;

pub(crate) use crate::engine::admission::to_the_end;
pub(crate) use crate::engine::metrics::Door;
pub(crate) use crate::store::hush;
