//! Orders on a host, with services that are well: every end that an order can have, as people see it.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::LazyLock;

use demo_kit::component::{self, Crate};
use demo_kit::http;
use demo_kit::service::Behaviour;
use order_fulfilment::demo::{Answer, Api};
use order_fulfilment::model::{Address, Line, Order, Outcome};
use order_fulfilment::services::{Options, POOR_CARD, Services};
use order_fulfilment::{Decision, Stage, WhereIsIt};
use segno_api::RunStatus;
use segno_host::cli::{ServeOptions, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// One host for all tests; each has an order of its own.
struct World {
    runtime: Runtime,
    api: Api,
    services: Services,
    _server: Server,
    _directory: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
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

fn address(street: &str) -> Address {
    Address { street: street.to_owned(), city: "Cork".to_owned() }
}

/// An order of so many hooks, at such a price.
fn order(number: u64, pieces: u32, cents: u64) -> Order {
    let line = |item: &str, pieces| Line { item: item.to_owned(), pieces, cents };
    let lines = vec![line("brass hook", pieces), line("wall clock", 1)];
    let card = "4000 0000 0000 0077".to_owned();
    Order { number, card, address: address("Elm Street 2"), lines }
}

/// More than anybody may order alone.
fn expensive(number: u64) -> Order {
    order(number, 1, 60_000)
}

/// Looks until the order is there.
async fn reach(run: &str, stage: Stage) -> WhereIsIt {
    loop {
        match WORLD.api.where_is_it(run).await.unwrap() {
            Some(shown) if shown.stage == stage => return shown,
            _ => tokio::task::yield_now().await,
        }
    }
}

/// Lets days pass until the order is over.
async fn end(run: &str) -> Outcome {
    loop {
        let view = WORLD.api.run(run).await.unwrap();
        match view.status {
            RunStatus::Running => WORLD.api.wake(run).await.unwrap(),
            _ => return serde_json::from_str(view.output.unwrap().get()).unwrap(),
        }
    }
}

/// Decides as soon as somebody asks.
async fn decide(run: &str, order: u64, approved: bool) {
    while WORLD.api.where_is_it(run).await.unwrap().is_none_or(|at| at.stage == Stage::Approval) {
        let view = WORLD.api.run(run).await.unwrap();
        if view.status.has_ended() {
            break;
        }
        WORLD.api.decide(order, &Decision { by: "ada".to_owned(), approved }).await.unwrap();
    }
}

fn delivered(outcome: Outcome) -> Address {
    match outcome {
        Outcome::Delivered { address, .. } => address,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_charged_packed_and_shipped() {
    WORLD.runtime.block_on(async {
        let run = WORLD.api.start(&order(1, 3, 700)).await.unwrap();
        let shown = reach(&run, Stage::OnItsWay).await;
        assert_eq!((shown.packed, shown.lines), (2, 2));
        assert_eq!(delivered(end(&run).await), address("Elm Street 2"));
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.charges.contains(&(1, 2_800)), "{:?}", audit.charges);
        assert!(audit.shipments.contains(&(1, address("Elm Street 2"))), "{:?}", audit.shipments);
        let after = WORLD.api.where_is_it(&run).await.unwrap().unwrap();
        assert_eq!(after.stage, Stage::OnItsWay, "also an order that is over can be asked");
    });
}

#[test]
fn what_somebody_approves_is_delivered_and_what_somebody_declines_is_not() {
    WORLD.runtime.block_on(async {
        for (number, approved) in [(2, true), (3, false)] {
            let run = WORLD.api.start(&expensive(number)).await.unwrap();
            reach(&run, Stage::Approval).await;
            decide(&run, number, approved).await;
            let outcome = end(&run).await;
            let by = Some("ada".to_owned());
            let is_declined = outcome == Outcome::Declined { by };
            assert_eq!(is_declined, !approved, "{outcome:?}");
        }
    });
}

#[test]
fn what_nobody_approves_in_three_days_is_declined() {
    WORLD.runtime.block_on(async {
        let run = WORLD.api.start(&expensive(4)).await.unwrap();
        assert_eq!(end(&run).await, Outcome::Declined { by: None });
    });
}

#[test]
fn the_address_changes_until_the_order_is_shipped_and_then_no_more() {
    WORLD.runtime.block_on(async {
        let run = WORLD.api.start(&expensive(5)).await.unwrap();
        reach(&run, Stage::Approval).await;
        let oak = address("Oak Street 1");
        assert_eq!(WORLD.api.change(&run, "5-0", &oak).await.unwrap(), Answer::Accepted);
        decide(&run, 5, true).await;
        reach(&run, Stage::OnItsWay).await;
        let late = WORLD.api.change(&run, "5-1", &address("Ash Street 9")).await.unwrap();
        assert_eq!(late, Answer::Refused("the order is on its way".to_owned()));
        let again = WORLD.api.change(&run, "5-0", &oak).await.unwrap();
        assert_eq!(again, Answer::Accepted, "an answer that was given is given again");
        assert_eq!(delivered(end(&run).await), oak);
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.shipments.contains(&(5, oak)), "{:?}", audit.shipments);
        let after = WORLD.api.change(&run, "5-2", &address("Ash Street 9")).await.unwrap();
        assert_eq!(after, Answer::Over);
    });
}

#[test]
fn what_the_warehouse_has_not_ends_an_order_before_it_is_charged() {
    WORLD.runtime.block_on(async {
        let run = WORLD.api.start(&order(6, 2_000_000, 0)).await.unwrap();
        let items = vec!["brass hook".to_owned()];
        assert_eq!(end(&run).await, Outcome::OutOfStock { items });
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.charges.iter().all(|(order, _)| *order != 6));
    });
}

#[test]
fn a_card_that_is_not_charged_ends_an_order() {
    WORLD.runtime.block_on(async {
        let poor = Order { card: POOR_CARD.to_owned(), ..order(7, 1, 700) };
        let run = WORLD.api.start(&poor).await.unwrap();
        let reason = "the card has not so much".to_owned();
        assert_eq!(end(&run).await, Outcome::CardDeclined { reason });
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.shipments.iter().all(|(order, _)| *order != 7));
    });
}
