//! The log in front of the file of pages: a batch is committed when it stands here.
//!
//! Two segments are written in turn. The rows of each are in memory as well, in a layer; when one is full
//! the other one is begun, and meanwhile the layer of the first goes into the file. Only when that is on
//! the disk may the segment be written again.

mod append;
mod found;
mod record;
mod segment;

pub(super) use crate::store::keyspace::disk::log::append::Log;
pub(super) use crate::store::keyspace::disk::log::found::open;
pub(super) use crate::store::keyspace::disk::log::record::LogId;
pub(super) use crate::store::keyspace::disk::log::segment::SEGMENTS;
