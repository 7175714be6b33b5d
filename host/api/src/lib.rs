//! The shapes of the management API: what the host answers, and what clients send.
//!
//! The doors write them, the command line and the tests read them, and `openapi.json` describes them.
//! They are values, and know no engine, no store and no HTTP.
//!
//! A field is never renamed and never changes its meaning. A new one is optional for those who read.

mod attributes;
mod batches;
mod cleanup;
mod filter;
mod health;
mod history;
mod hooks;
mod jobs;
mod json;
mod modules;
mod moment;
mod problem;
mod runs;
mod streams;
mod text;
mod waits;

pub use crate::attributes::AttributeView;
pub use crate::batches::{
    BATCHED, BatchRequest, BatchSignal, BatchStart, BatchStarted, Batched, SIGNALS_AT_START,
};
pub use crate::cleanup::{CancelRequest, CleanupView, CompensationView};
pub use crate::filter::{
    AttributeFilter, BadFilter, MAX_FILTERED, RunCounts, RunFilter, StatusCounts,
};
pub use crate::health::{Health, HealthProblem, HealthReport, HostPauseView, ProblemKind};
pub use crate::history::{HistoryEntry, HistoryEvent, HistoryPage};
pub use crate::hooks::{HookPage, HookView};
pub use crate::jobs::{
    JobKind, JobMade, JobPage, JobProgress, JobRefusal, JobRefusals, JobRequest, JobStatus, JobView,
};
pub use crate::json::Json;
pub use crate::modules::{Deployed, ModuleList, ModuleView, WorkflowView};
pub use crate::moment::when;
pub use crate::problem::Problem;
pub use crate::runs::{
    BlockedView, ForkRequest, ForkedFrom, IfRunning, MoveRequest, OnEndStatus, OnEndView,
    ParentView, ResumeRequest, RetryRequest, RunPage, RunStatus, RunSummary, RunView,
    SignalRequest, StartRequest, Started, WakeRequest,
};
pub use crate::streams::{ChunkView, SkippedView, StreamEndView, StreamList, StreamView};
pub use crate::text::{cut, printable};
pub use crate::waits::{SHOWN, Trouble, Wait, Why};
