//! What the larger examples share: how their steps speak HTTP, how the other side is played by services
//! that fail on purpose and survive being killed, and what a demo needs that compares all sides at its end.
//!
//! It is native code alone, and knows nothing of any one workflow.

pub mod args;
pub mod attempts;
pub mod comparison;
pub mod component;
pub mod faults;
pub mod host;
pub mod http;
pub mod kills;
pub mod live;
pub mod memory;
pub mod once;
pub mod place;
pub mod reply;
mod serve;
pub mod service;
pub mod settings;
pub mod table;
