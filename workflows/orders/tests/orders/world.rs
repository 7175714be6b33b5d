//! One host for all tests; each has an order of its own.

use std::sync::LazyLock;

use demo_kit::component::{self, Crate};
use demo_kit::http;
use demo_kit::service::Behaviour;
use order_fulfilment::demo::Api;
use order_fulfilment::model::{Address, Line, Order, Outcome};
use order_fulfilment::services::{Options, Services};
use order_fulfilment::{Stage, WhereIsIt};
use segno_api::{HistoryEvent, RunStatus};
use segno_host::cli::{ServeOptions, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// A host, and the services beside it.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) api: Api,
    pub(crate) services: Services,
    _server: Server,
    _directory: TempDir,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let component = std::fs::read(component::build(CRATE, &|_| {}).unwrap()).unwrap();
    let (services, server) = runtime.block_on(async {
        let file = directory.path().join("services.db");
        let behaviour = Behaviour { port: 0, seed: 3, fault_rate: 0.0 };
        let services = Services::start(Options { file, behaviour }).await.unwrap();
        http::set_base(services.url());
        let options = ServeOptions::new(directory.path().join("host")).on_free_ports();
        let server = Server::start(options, order_fulfilment::steps()).await.unwrap();
        server.engine().deploy(component.into()).await.unwrap();
        (services, server)
    });
    let api = Api::of(&server).unwrap();
    World { runtime, api, services, _server: server, _directory: directory }
});

/// In Cork.
pub(crate) fn address(street: &str) -> Address {
    Address { street: street.to_owned(), city: "Cork".to_owned() }
}

/// An order of so many hooks, at such a price.
pub(crate) fn order(number: u64, pieces: u32, cents: u64) -> Order {
    let line = |item: &str, pieces| Line { item: item.to_owned(), pieces, cents };
    let lines = vec![line("brass hook", pieces), line("wall clock", 1)];
    let card = "4000 0000 0000 0077".to_owned();
    Order { number, card, address: address("Elm Street 2"), lines }
}

/// More than anybody may order alone.
pub(crate) fn expensive(number: u64) -> Order {
    order(number, 1, 60_000)
}

/// Looks until the order is there.
pub(crate) async fn reach(run: &str, stage: Stage) -> WhereIsIt {
    loop {
        match WORLD.api.where_is_it(run).await.unwrap() {
            Some(shown) if shown.stage == stage => return shown,
            _ => tokio::task::yield_now().await,
        }
    }
}

/// Lets days pass until the order is over.
pub(crate) async fn end(run: &str) -> Outcome {
    loop {
        let view = WORLD.api.run(run).await.unwrap();
        match view.status {
            RunStatus::Running => WORLD.api.wake(run).await.unwrap(),
            _ => return serde_json::from_str(view.output.unwrap().get()).unwrap(),
        }
    }
}

/// Waits until all lines of an order have ended, which clean up after it.
pub(crate) async fn lines_end(run: &str) {
    for entry in WORLD.api.history(run).await.unwrap() {
        let HistoryEvent::ChildStarted { run_id: line, .. } = entry.event else { continue };
        while !WORLD.api.run(&line).await.unwrap().status.has_ended() {
            tokio::task::yield_now().await;
        }
    }
}
