//! Reads the sources of a checkout and says how they hang together: which file imports which, on
//! how many floors they stand, where imports go in a circle, and how long functions are.
//!
//! It knows of Rust only what this needs, and nothing of the crates that it reads.

mod folders;
mod graph;
mod house;
mod items;
mod measure;
mod modules;
mod paths;
mod report;
mod resolve;
mod sources;

pub use folders::Rooms;
pub use house::House;
pub use measure::{Figures, Spread};
pub use report::report;
pub use sources::{Error, Sources};
