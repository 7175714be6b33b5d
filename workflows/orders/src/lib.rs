//! Orders from approval to delivery: a run for each order, a child of it for each line, and three
//! services that fail now and then: a warehouse, a payment service and a carrier.
//!
//! The workflows are compiled to a WebAssembly component; the steps, and what they need, natively.

mod approval;
pub mod carrier;
mod desk;
pub mod line;
mod lines;
pub mod model;
pub mod order;
pub mod payments;
mod progress;
pub mod warehouse;

#[cfg(not(target_family = "wasm"))]
pub mod demo;
#[cfg(not(target_family = "wasm"))]
pub mod services;

pub use approval::Decision;
pub use desk::{Stage, WhereIsIt};

segno::export!(line::line, order::order);

segno::register!(
    carrier::steps::book,
    payments::steps::charge,
    payments::steps::refund,
    warehouse::steps::pack,
    warehouse::steps::release,
    warehouse::steps::reserve,
);
