//! Steps as a workflow sees them: the arguments of a call in JSON, and its failure.
//!
//! What a step does is the business of the native build; this module never knows a body. The
//! error and the context of a body stand here too, because sources that name them must compile
//! in both builds.

mod arguments;
#[cfg(target_family = "wasm")]
mod context;
mod error;
mod failure;

pub use crate::step::arguments::Input;
#[cfg(target_family = "wasm")]
pub use crate::step::context::{StepContext, StepStream};
pub use crate::step::error::StepError;
pub use crate::step::failure::StepFailure;
