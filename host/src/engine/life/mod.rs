//! The life of an engine: how it is opened and recovers, how it is stopped, and who looks after it over
//! all its lives. And the same engine on one thread, where somebody else chooses what happens next.

mod asked;
mod end_calls;
mod forget;
mod jobs;
mod lookout;
pub mod offline;
mod open;
mod parts;
mod simulated;
mod stop;
mod supervisor;

pub use crate::engine::life::asked::{Asked, Streamed};
pub use crate::engine::life::parts::OpenError;
pub use crate::engine::life::simulated::Simulated;
pub use crate::engine::life::supervisor::Supervisor;
