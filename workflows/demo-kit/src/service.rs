//! A service that runs: it listens, fails on purpose, and stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::Faults;
use crate::memory::Memory;
use crate::serve;

/// How a service behaves.
#[derive(Debug, Clone, Copy)]
pub struct Behaviour {
    /// Where it listens on the loopback interface; 0 is any port that is free.
    pub port: u16,
    /// What decides the faults.
    pub seed: u64,
    /// From 0, no faults, to 1, at each request.
    pub fault_rate: f64,
}

/// A service that runs. Dropping it stops its tasks; [`Service::shutdown`] also waits for them.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    /// Listens, and answers what the router says. Each folder at the root of the router has faults of
    /// its own.
    ///
    /// # Errors
    /// If the port is taken, or the memory cannot be used.
    pub async fn start(
        memory: &Memory,
        router: Router,
        behaviour: Behaviour,
    ) -> anyhow::Result<Self> {
        let Behaviour { port, seed, fault_rate } = behaviour;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("the service cannot listen on port {port}"))?;
        let address = listener.local_addr()?;
        // Each start has faults of its own: otherwise all would begin with the same one.
        let start = memory.count("starts").await?.unsigned_abs();
        let faults = Arc::new(Faults::new(seed.wrapping_add(start), fault_rate));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(serve::run(listener, router, Arc::clone(&faults), stop.clone()));
        Ok(Self { address, faults, stop, tasks })
    }

    /// Lets something else run beside it until it stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What went wrong on purpose since this start, by name.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.faults.injected()
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
