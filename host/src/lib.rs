//! Segno's host: durable workflows in a WebAssembly sandbox, as a library and as the stock binary
//! `segno`.

pub mod cli;
pub mod engine;
mod name;
mod timeline;

// Public for the tests of Segno alone. What else a host is built of is named below, or by the modules
// above.
#[doc(hidden)]
pub mod doors;
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod steps;
#[doc(hidden)]
pub mod store;

pub use crate::cli::{Cli, ServeOptions, Server, build_components, main};
pub use crate::doors::Token;
