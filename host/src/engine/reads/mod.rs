//! What can be asked of an engine that changes nothing: runs, lists of them and their histories, modules,
//! and how the host itself stands. What waits for the disk does so on threads that may.

mod backup;
mod busy;
mod copy;
mod health;
mod history;
mod jobs;
mod lists;
mod metrics;
mod pages;
mod past;
mod query;
mod runs;
mod streams;
mod survey;
mod watch;

pub use crate::engine::reads::backup::BackupStopped;
pub use crate::engine::reads::query::Query;
pub use crate::engine::reads::streams::{Chunk, StreamReader};

pub(crate) use crate::engine::reads::copy::{Original, Worth};
pub(crate) use crate::engine::reads::jobs::job_view;
pub(crate) use crate::engine::reads::lists::{search, summary};
pub(crate) use crate::engine::reads::pages::page;
pub(crate) use crate::engine::reads::past::Past;
pub(crate) use crate::engine::reads::runs::{Ended, may_block};
