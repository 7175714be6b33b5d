//! Five ways to keep two systems in step, each a durable workflow in a file of its own with its steps:
//! polling, batch, webhook, reconciliation, idempotent writes.
//!
//! The workflows are compiled to a WebAssembly component; the steps, and what they need, natively.

pub mod batch_sync;
pub mod crm_poll;
pub mod idempotent_write;
pub mod reconcile;
pub mod webhook_sync;

#[cfg(not(target_family = "wasm"))]
pub mod db;
#[cfg(not(target_family = "wasm"))]
pub mod demo;
#[cfg(not(target_family = "wasm"))]
pub mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod upstream;

#[cfg(not(target_family = "wasm"))]
pub use demo_kit::http;

segno::export!(
    batch_sync::batch_sync,
    crm_poll::crm_poll,
    idempotent_write::idempotent_write,
    reconcile::reconcile,
    webhook_sync::webhook_sync,
);

segno::register!(
    batch_sync::steps::fetch_pending_records,
    batch_sync::steps::sync_record,
    crm_poll::steps::fetch_updated_contacts,
    crm_poll::steps::upsert_contacts,
    idempotent_write::steps::create_invoice,
    reconcile::steps::archive_products,
    reconcile::steps::fetch_local_products,
    reconcile::steps::fetch_remote_products,
    reconcile::steps::upsert_products,
    webhook_sync::steps::process_change,
    webhook_sync::steps::register_webhook,
);
