//! Segno's host: durable workflows in a WebAssembly sandbox, as a library and as the stock binary
//! `segno`.

pub mod engine;
pub mod sandbox;
pub mod steps;
pub mod store;
