//! Steps as a workflow sees them: a call, its arguments in JSON, its result or its failure.
//!
//! What a step does is the business of the native build; this module never knows a body. The
//! error and the context of a body stand here too, because sources that name them must compile
//! in both builds.

mod arguments;
mod call;
mod context;
mod error;
mod failure;

pub use crate::step::arguments::Input;
pub(crate) use crate::step::call::{CallOptions, call_named};
pub use crate::step::call::{StepDef, call};
pub use crate::step::context::StepContext;
pub use crate::step::error::StepError;
pub use crate::step::failure::StepFailure;
