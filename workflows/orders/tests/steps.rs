//! Each step against its service, without a host: twice with one step ID is once.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::LazyLock;

use demo_kit::attempts::{Attempt, attempt};
use demo_kit::http;
use demo_kit::service::Behaviour;
use order_fulfilment::carrier::Shipment;
use order_fulfilment::model::Address;
use order_fulfilment::payments::Payment;
use order_fulfilment::services::{Options, POOR_CARD, Release, Reservation, Services};
use order_fulfilment::warehouse::Stock;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The steps of a process share their services, so the tests do as well; each keeps to an order of its
/// own.
struct World {
    runtime: Runtime,
    services: Services,
    _directory: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("services.db");
    let behaviour = Behaviour { port: 0, seed: 3, fault_rate: 0.0 };
    let services = runtime.block_on(Services::start(Options { file, behaviour })).unwrap();
    http::set_base(services.url());
    World { runtime, services, _directory: directory }
});

/// Makes two attempts of a step, which give the same.
async fn twice<T: DeserializeOwned>(step: &str, operation: u64, input: Value) -> T {
    let mut outputs = Vec::new();
    for number in 1..=2 {
        let which = Attempt { operation, number };
        let output = attempt(&order_fulfilment::steps(), step, which, input.clone()).await;
        outputs.push(output.unwrap());
    }
    assert_eq!(outputs[0], outputs[1]);
    serde_json::from_str(&outputs[0]).unwrap()
}

#[test]
fn stock_is_reserved_and_packed_once() {
    WORLD.runtime.block_on(async {
        let wish = json!({ "order": 1, "item": "wool rug", "pieces": 2 });
        assert_eq!(twice::<Stock>("reserve", 10, wish).await, Stock::Reserved);
        let () = twice("pack", 11, json!({ "order": 1, "item": "wool rug" })).await;
        let audit = WORLD.services.audit().await.unwrap();
        let kept: Vec<_> = audit.reservations.iter().filter(|one| one.order == 1).collect();
        let item = "wool rug".to_owned();
        assert_eq!(kept, [&Reservation { order: 1, item, pieces: 2, packed: 1 }]);
    });
}

#[test]
fn what_is_released_is_free_once_and_reserved_no_more() {
    WORLD.runtime.block_on(async {
        let stock = || async { WORLD.services.audit().await.unwrap().stock["oak shelf"] };
        let before = stock().await;
        let wish = json!({ "order": 6, "item": "oak shelf", "pieces": 2 });
        let item = json!({ "order": 6, "item": "oak shelf" });
        assert_eq!(twice::<Stock>("reserve", 60, wish.clone()).await, Stock::Reserved);
        let () = twice("pack", 61, item.clone()).await;
        assert_eq!(stock().await, before - 2);
        let () = twice("release", 62, item.clone()).await;
        let () = twice("release", 63, item).await;
        assert_eq!(stock().await, before);
        assert_eq!(twice::<Stock>("reserve", 64, wish).await, Stock::Out, "it comes too late");
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.reservations.iter().all(|one| one.order != 6));
        let item = "oak shelf".to_owned();
        assert_eq!(audit.releases, [Release { order: 6, item, pieces: 2 }]);
    });
}

#[test]
fn what_was_charged_is_refunded_once_and_what_was_not_is_not() {
    WORLD.runtime.block_on(async {
        let wish = json!({ "order": 7, "card": "4000 0000 0000 0077", "cents": 995 });
        let _: Payment = twice("charge", 70, wish).await;
        let () = twice("refund", 71, json!({ "order": 7 })).await;
        let () = twice("refund", 72, json!({ "order": 8 })).await;
        assert_eq!(WORLD.services.audit().await.unwrap().refunds, [(7, 995)]);
    });
}

#[test]
fn what_the_warehouse_has_not_is_an_answer() {
    WORLD.runtime.block_on(async {
        for (operation, item) in [(20, "antique globe"), (21, "unicorn")] {
            let wish = json!({ "order": 2, "item": item, "pieces": 1_000 });
            assert_eq!(twice::<Stock>("reserve", operation, wish).await, Stock::Out);
        }
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.reservations.iter().all(|one| one.order != 2));
    });
}

#[test]
fn a_card_is_charged_once() {
    WORLD.runtime.block_on(async {
        let wish = json!({ "order": 3, "card": "4000 0000 0000 0077", "cents": 995 });
        let charged: Payment = twice("charge", 30, wish).await;
        assert!(matches!(charged, Payment::Charged { .. }), "{charged:?}");
        let audit = WORLD.services.audit().await.unwrap();
        let charges: Vec<_> = audit.charges.iter().filter(|(order, _)| *order == 3).collect();
        assert_eq!(charges, [&(3, 995)]);
    });
}

#[test]
fn a_card_that_is_not_charged_is_an_answer() {
    WORLD.runtime.block_on(async {
        let wish = json!({ "order": 4, "card": POOR_CARD, "cents": 995 });
        let declined: Payment = twice("charge", 40, wish).await;
        let reason = "the card has not so much".to_owned();
        assert_eq!(declined, Payment::Declined { reason });
        let audit = WORLD.services.audit().await.unwrap();
        assert_eq!(audit.declines, [4]);
    });
}

#[test]
fn a_shipment_is_booked_once_to_the_address_that_it_was_given() {
    WORLD.runtime.block_on(async {
        let address = Address { street: "Elm Street 2".to_owned(), city: "Cork".to_owned() };
        let Shipment { tracking, .. } =
            twice("book", 50, json!({ "order": 5, "address": address })).await;
        assert!(tracking.starts_with("parcel-"), "{tracking}");
        let audit = WORLD.services.audit().await.unwrap();
        assert_eq!(audit.shipments, [(5, address)]);
    });
}
