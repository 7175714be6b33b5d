//! The sandbox: the only home of wasmtime.
//!
//! A [`Module`] is a workflow component that was checked, compiled and asked what is in it. A
//! [`Guest`] is one instance of it: the live memory of one run. [`Guest::turn`] delivers one event
//! and says what the workflow asked for. Nothing here does I/O for a guest, knows a clock or a
//! store, or reaches the outside: a guest gets the time of the event, the run's own random numbers,
//! and nothing else.

mod bindings;
mod caller;
mod capacity;
mod checks;
mod compile_alone;
mod compiler;
mod convert;
mod engine;
mod error;
mod given;
mod guest;
mod image;
mod imports;
mod limits;
mod module;
mod schemas;
mod shape;
mod state;
mod ticker;
mod trap;
mod wasi;

pub use crate::sandbox::capacity::Capacity;
pub use crate::sandbox::compile_alone::compile_alone;
pub use crate::sandbox::compiler::COMPILE;
pub use crate::sandbox::engine::Sandbox;
pub use crate::sandbox::error::{ModuleError, NoGuest};
pub use crate::sandbox::given::{Facts, Moment, Quota, Tokens, WebhookAddress};
pub use crate::sandbox::guest::{Answered, Guest, Output};
pub use crate::sandbox::image::{Image, PackError};
pub use crate::sandbox::module::Module;
pub use crate::sandbox::schemas::{add_schemas, with_schemas};

/// The world that guests and this host speak through. An image is of one version of it.
pub const ABI: &str = "segno:workflow@0.2.0";
