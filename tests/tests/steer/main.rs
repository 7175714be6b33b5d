//! Steering runs: what can be done to one from outside.

mod cancel;
mod delete;
mod keys;
mod pause;
mod retry;
mod times;
