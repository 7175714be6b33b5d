//! Tables on a disk: a log in front, and a file of pages behind it.
//!
//! A transaction is appended to the log and synced, once, and is committed then. Its rows go into a layer
//! in memory, where whoever reads finds them before they look into the file. A layer that is full goes
//! into the file in the background, in one transaction of the file's own: a checkpoint. Commits do not
//! wait for it, because the file has no part in them.

mod base;
mod checkpoint;
mod direct;
mod layer;
mod lent;
mod log;
mod merge;
mod overlay;
mod space;
mod storage;
mod tables;
mod watched;

pub use redb::{BackendError, StorageBackend};

pub use crate::store::keyspace::disk::storage::{Checkpoints, Storage};

pub(in crate::store) use crate::store::keyspace::disk::lent::{Row, Value};
pub(in crate::store) use crate::store::keyspace::disk::merge::Range;
pub(in crate::store) use crate::store::keyspace::disk::space::Space;
pub(in crate::store) use crate::store::keyspace::disk::storage::{log_paths, pages_of};
pub(in crate::store) use crate::store::keyspace::disk::tables::Moment;
