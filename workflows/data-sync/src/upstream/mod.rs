//! The other side: a CRM, a shop, a records API, a destination and a billing API in one server, with
//! thousands of records that keep changing and a network that keeps failing.
//!
//! It stands for the systems that one synchronises with and cannot change. It survives being killed:
//! what it answered is on disk, and notifications that nobody acknowledged are sent again. Knows
//! nothing of workflows; `Contact`, `Record` and `Product` are the shapes of its API.

mod audit;
mod billing;
mod changes;
mod faults;
mod ids;
mod lists;
mod notify;
mod people;
mod records;
mod reply;
mod serve;
mod sizes;
mod store;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use audit::{Invoice, Sent};
pub use faults::{Fault, Faults, decide};
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
    address: SocketAddr,
    store: Store,
    faults: Arc<Faults>,
    changes: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Upstream {
    /// Opens its memory and starts to serve, to change and to notify.
    ///
    /// # Errors
    /// If the file cannot be opened or the port is taken.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let store = Store::open(&options.file, options.seed, options.sizes).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .with_context(|| format!("the upstream cannot listen on port {}", options.port))?;
        let address = listener.local_addr()?;
        // Each start has faults of its own: otherwise all would begin with the same one.
        let start = store.count("starts").await?.unsigned_abs();
        let faults = Arc::new(Faults::new(options.seed.wrapping_add(start), options.fault_rate));
        let stop = CancellationToken::new();
        let changes = stop.child_token();
        let tasks = TaskTracker::new();
        tasks.spawn(serve::run(listener, router(&store), Arc::clone(&faults), stop.clone()));
        if options.pace > 0.0 {
            tasks.spawn(changes::run(store.clone(), options.seed, options.pace, changes.clone()));
        }
        let sending = notify::send(store.clone(), crate::http::client().clone(), stop.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(sending));
        tasks.close();
        Ok(Self { address, store, faults, changes, stop, tasks })
    }

    /// Where its APIs are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it holds.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What went wrong on purpose since this start, by name.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.faults.injected()
    }

    /// From now on nothing changes any more. Notifications that are due are still sent.
    pub fn stop_changes(&self) {
        self.changes.cancel();
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.store.pool().close().await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
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
