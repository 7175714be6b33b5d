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
pub mod write_off;

#[cfg(not(target_family = "wasm"))]
pub mod demo;
#[cfg(not(target_family = "wasm"))]
pub mod services;

pub use approval::Decision;
pub use desk::{Stage, WhereIsIt};

segno::export!(line::line, order::order, write_off::write_off);

segno::register!(
    carrier::steps::book,
    carrier::steps::recall,
    payments::steps::charge,
    payments::steps::refund,
    payments::steps::settle,
    warehouse::steps::pack,
    warehouse::steps::release,
    warehouse::steps::reserve,
);
