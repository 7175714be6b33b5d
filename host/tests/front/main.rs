//! What the doors and the command line promise to those who stand before them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod batches;
mod bench;
mod cli;
mod compile;
mod crowd;
mod deletions;
mod dev;
mod ends;
mod finding;
mod guide;
mod jobs;
mod management;
mod missing;
mod new;
mod offline;
mod page;
mod process;
mod refusals;
mod schemas;
#[cfg(unix)]
mod service;
mod starts;
mod steer;
mod streams;
mod support;
mod talk;
mod token;
mod trouble;
mod webhooks;
