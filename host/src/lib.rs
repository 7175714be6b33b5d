//! Segno's host: durable workflows in a WebAssembly sandbox, as a library and as the stock binary
//! `segno`.

pub mod cli;
pub mod doors;
pub mod engine;
pub mod sandbox;
pub mod steps;
pub mod store;

pub use crate::cli::{Cli, ServeOptions, Server, build_components, main};
