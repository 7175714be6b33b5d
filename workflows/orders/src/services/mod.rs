//! The other sides: a warehouse, a payment service and a carrier, in one server that fails on purpose.
//!
//! They stand for systems that one cannot change. They survive being killed: what they answered is on
//! disk. They know nothing of workflows.

mod audit;
mod carrier;
pub mod catalogue;
mod payments;
mod warehouse;

use std::path::PathBuf;

use axum::Router;
use demo_kit::memory::Memory;
use demo_kit::service::{Behaviour, Service};

pub use audit::{Audit, Release, Reservation};
pub use carrier::LOST_CITY;
pub use payments::{LOCKED, LOCKED_CARD, POOR_CARD};

/// How to start the services.
#[derive(Debug, Clone)]
pub struct Options {
    /// Their memory; created if missing.
    pub file: PathBuf,
    /// Where they listen, and how often something goes wrong.
    pub behaviour: Behaviour,
}

/// The services, at work.
#[derive(Debug)]
pub struct Services {
    memory: Memory,
    service: Service,
}

impl Services {
    /// Opens their memory and starts to serve.
    ///
    /// # Errors
    /// If the file cannot be opened or the port is taken.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let memory = Memory::open(&options.file, include_str!("schema.sql")).await?;
        warehouse::fill(&memory).await?;
        let service = Service::start(&memory, router(&memory), options.behaviour).await?;
        Ok(Self { memory, service })
    }

    /// Where they are.
    #[must_use]
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// What went wrong on purpose since this start, by name.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.service.faults()
    }

    /// What they hold.
    ///
    /// # Errors
    /// If their file cannot be read.
    pub async fn audit(&self) -> sqlx::Result<Audit> {
        Audit::of(&self.memory).await
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(self) {
        self.service.shutdown().await;
        self.memory.pool().close().await;
    }
}

fn router(memory: &Memory) -> Router {
    Router::new()
        .nest("/warehouse", warehouse::router())
        .nest("/payments", payments::router())
        .nest("/carrier", carrier::router())
        .with_state(memory.clone())
}
