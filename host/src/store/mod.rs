//! The store: the disk and its format.
//!
//! Reading goes through [`Store`]. Writing has one way: a [`Draft`] says which rows a thing needs,
//! the [`Committer`] writes all drafts that wait in one transaction, and only then does each become
//! a [`Committed`], which nothing else can make. The store knows no engine, no guest and no clock;
//! and of what is below it, only `keyspace` knows what that is.

mod attributes;
mod backup;
mod batches;
mod check;
mod codec;
mod commit;
mod compact;
mod conditions;
mod create;
mod deletion;
mod draft;
mod end_calls;
mod error;
mod family;
mod follow;
mod fork;
mod format;
mod found;
mod handle;
mod hooks;
mod host_pause;
mod images;
mod index;
mod job_records;
mod jobs;
mod keys;
mod keyspace;
mod lineage;
mod open;
mod payloads;
mod place;
pub(crate) mod private;
mod probe;
mod ranges;
mod raw;
mod read;
mod recall;
mod receive;
mod records;
mod set_aside;
mod streams;
mod tables;
mod tokens;
mod told;
mod turns;
mod unharmed;

pub(crate) use crate::store::unharmed::hush;

pub use crate::store::batches::Posted;
pub use crate::store::check::Checked;
pub use crate::store::commit::Committer;
pub use crate::store::commit::simulated::SimulatedQueue;
pub use crate::store::commit::trouble::PanicGuard;
pub use crate::store::compact::Compacted;
pub use crate::store::deletion::{KeptFor, Room, StraysFrom};
pub use crate::store::draft::{Committed, Draft, TurnAndEffects};
pub use crate::store::error::{DiskTrouble, LogTrouble, StoreError, Unmet};
pub use crate::store::fork::{Copied, Later, NoCopy};
pub use crate::store::handle::Store;
pub use crate::store::host_pause::HostPause;
pub use crate::store::images::{FoundImage, ImageRecord};
pub use crate::store::index::Search;
pub use crate::store::job_records::{JobAction, JobRecord, StoppedBy};
pub use crate::store::jobs::KEPT_REFUSALS;
pub use crate::store::keyspace::{BackendError, Checkpoints, Storage, StorageBackend};
pub use crate::store::lineage::{Ancestor, Lineage, MAX_ANCESTORS};
pub use crate::store::open::DEFAULT_CACHE;
pub use crate::store::raw::{RawRow, RawRows};
pub use crate::store::recall::Recalled;
pub use crate::store::receive::{BackupError, Received};
pub use crate::store::records::{
    Attribute, BatchRecord, EndCall, FamilyRow, HeldEvent, HookRecord, ModuleRecord, Note, Noted,
    RunRecord, Standing, StartKey, Status, WebhookRecord,
};
pub use crate::store::set_aside::SetAside;
pub use crate::store::tokens::Claimed;
