//! Each step against its service, without a host: twice with one step ID is once.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::LazyLock;

use demo_kit::attempts::{Attempt, attempt};
use demo_kit::http;
use demo_kit::service::Behaviour;
use order_fulfilment::carrier::Shipment;
use order_fulfilment::model::Address;
use order_fulfilment::payments::Payment;
use order_fulfilment::services::{
    LOCKED_CARD, LOST_CITY, Options, POOR_CARD, Release, Reservation, Services,
};
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
        let refunds = WORLD.services.audit().await.unwrap().refunds;
        assert!(refunds.contains(&(7, 995)), "{refunds:?}");
        assert_eq!(refunds.iter().filter(|(order, _)| [7, 8].contains(order)).count(), 1);
    });
}

#[test]
fn a_locked_card_is_refunded_when_it_is_asked_for_again() {
    WORLD.runtime.block_on(async {
        let wish = json!({ "order": 9, "card": LOCKED_CARD, "cents": 995 });
        let _: Payment = twice("charge", 90, wish).await;
        let wish = json!({ "order": 9 });
        let which = Attempt { operation: 91, number: 1 };
        let refused = attempt(&order_fulfilment::steps(), "refund", which, wish.clone()).await;
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains("somebody has to look at this card"), "{refused}");
        let () = twice("refund", 91, wish).await;
        let refunds = WORLD.services.audit().await.unwrap().refunds;
        assert_eq!(refunds.iter().filter(|(order, _)| *order == 9).count(), 1);
    });
}

#[test]
fn what_is_settled_is_given_back_once_and_not_charged_any_more() {
    WORLD.runtime.block_on(async {
        let card = "4000 0000 0000 0077";
        for (order, is_charged, is_refunded) in
            [(10, true, false), (11, true, true), (12, false, false)]
        {
            let operation = order * 10;
            let charge = json!({ "order": order, "card": card, "cents": 995 });
            let of_it = json!({ "order": order });
            if is_charged {
                let _: Payment = twice("charge", operation, charge.clone()).await;
            }
            if is_refunded {
                let () = twice("refund", operation + 1, of_it.clone()).await;
            }
            let () = twice("settle", operation + 2, of_it.clone()).await;
            let () = twice("settle", operation + 3, of_it.clone()).await;
            let () = twice("refund", operation + 4, of_it).await;
            let late: Payment = twice("charge", operation + 5, charge).await;
            assert!(matches!(late, Payment::Declined { .. }), "{late:?}");
            let audit = WORLD.services.audit().await.unwrap();
            let count = |of: &[(i64, i64)]| {
                of.iter().filter(|(one, _)| *one == i64::try_from(order).unwrap()).count()
            };
            assert_eq!(
                (count(&audit.charges), count(&audit.refunds)),
                (is_charged.into(), is_charged.into())
            );
        }
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
        assert!(audit.shipments.contains(&(5, address)), "{:?}", audit.shipments);
        assert_eq!(audit.shipments.iter().filter(|(order, _)| *order == 5).count(), 1);
    });
}

#[test]
fn what_is_recalled_comes_back_and_is_not_taken_any_more() {
    WORLD.runtime.block_on(async {
        let address = Address { street: "Elm Street 2".to_owned(), city: "Cork".to_owned() };
        let wish = json!({ "order": 13, "address": address });
        let _: Shipment = twice("book", 130, wish.clone()).await;
        let () = twice("recall", 131, json!({ "order": 13 })).await;
        let () = twice("recall", 132, json!({ "order": 13 })).await;
        refuses_for_good(133, wish, "the order wants it no more").await;
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.shipments.iter().all(|(order, _)| *order != 13), "{:?}", audit.shipments);
    });
}

#[test]
fn where_nobody_goes_is_a_failure_for_good() {
    WORLD.runtime.block_on(async {
        let address = Address { street: "Elm Street 2".to_owned(), city: LOST_CITY.to_owned() };
        let wish = json!({ "order": 14, "address": address });
        refuses_for_good(140, wish, "nobody goes there").await;
        assert_eq!(WORLD.services.audit().await.unwrap().refusals, [14]);
    });
}

/// Has a booking refused twice, for good, with this reason.
async fn refuses_for_good(operation: u64, wish: Value, reason: &str) {
    for number in 1..=2 {
        let which = Attempt { operation, number };
        let refused = attempt(&order_fulfilment::steps(), "book", which, wish.clone()).await;
        let refused = refused.unwrap_err();
        assert!(refused.is_fatal(), "{refused}");
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}
