//! The other side: a CRM, a shop, a records API, a destination and a billing API in one server, with
//! thousands of records that keep changing and a network that keeps failing.
//!
//! It stands for the systems that one synchronises with and cannot change. It survives being killed:
//! what it answered is on disk, and notifications that nobody acknowledged are sent again. Knows
//! nothing of workflows; `Contact`, `Record` and `Product` are the shapes of its API.

mod audit;
mod billing;
mod changes;
mod ids;
mod lists;
mod notify;
mod people;
mod records;
mod sizes;
mod store;

use std::path::PathBuf;

use axum::Router;
use demo_kit::service::{Behaviour, Service};
use tokio_util::sync::CancellationToken;

pub use audit::{Invoice, Sent};
pub use sizes::Sizes;
pub use store::Store;

/// How to start an upstream.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its memory; created if missing.
    pub file: PathBuf,
    /// Where it listens on the loopback interface; 0 is any port that is free.
    pub port: u16,
    /// What decides its records, their changes and the faults.
    pub seed: u64,
    /// From 0, no faults, to 1, at each request.
    pub fault_rate: f64,
    /// How many records change a second; 0 is none.
    pub pace: f64,
    /// How many records there are if the memory is new.
    pub sizes: Sizes,
}

/// A running upstream. Dropping it stops its tasks; [`Upstream::shutdown`] also waits for them.
#[derive(Debug)]
pub struct Upstream {
    store: Store,
    service: Service,
    changes: CancellationToken,
}

impl Upstream {
    /// Opens its memory and starts to serve, to change and to notify.
    ///
    /// # Errors
    /// If the file cannot be opened or the port is taken.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let store = Store::open(&options.file, options.seed, options.sizes).await?;
        let Options { port, seed, fault_rate, pace, .. } = options;
        let behaviour = Behaviour { port, seed, fault_rate };
        let service = Service::start(store.memory(), router(&store), behaviour).await?;
        let changes = CancellationToken::new();
        if pace > 0.0 {
            service.spawn(changes::run(store.clone(), seed, pace, changes.clone()));
        }
        service.spawn(notify::send(store.clone(), crate::http::client().clone()));
        Ok(Self { store, service, changes })
    }

    /// Where its APIs are.
    #[must_use]
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// What it holds.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What went wrong on purpose since this start, by name.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.service.faults()
    }

    /// From now on nothing changes any more. Notifications that are due are still sent.
    pub fn stop_changes(&self) {
        self.changes.cancel();
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(self) {
        self.service.shutdown().await;
        self.store.pool().close().await;
    }
}

fn router(store: &Store) -> Router {
    Router::new()
        .nest("/crm", lists::crm())
        .nest("/shop", lists::shop().merge(notify::router()))
        .nest("/source", records::source())
        .nest("/destination", records::destination())
        .nest("/billing", billing::router())
        .with_state(store.clone())
}
