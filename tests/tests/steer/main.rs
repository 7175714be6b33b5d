//! Steering runs: what can be done to one from outside.

mod cancel;
mod pause;
mod retry;
mod times;
