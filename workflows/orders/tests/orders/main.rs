//! Orders on a host, with services that are well: every end that an order can have, as people see it.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod saga;
mod world;

use order_fulfilment::demo::Answer;
use order_fulfilment::model::{Address, Order, Outcome};
use order_fulfilment::services::POOR_CARD;
use order_fulfilment::{Decision, Stage};

use crate::world::{WORLD, address, end, expensive, lines_end, order, reach};

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
        lines_end(&run).await;
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.charges.iter().all(|(order, _)| *order != 6));
        assert!(audit.reservations.iter().all(|one| one.order != 6), "the clock is free again");
    });
}

#[test]
fn a_card_that_is_not_charged_ends_an_order() {
    WORLD.runtime.block_on(async {
        let poor = Order { card: POOR_CARD.to_owned(), ..order(7, 1, 700) };
        let run = WORLD.api.start(&poor).await.unwrap();
        let reason = "the card has not so much".to_owned();
        assert_eq!(end(&run).await, Outcome::CardDeclined { reason });
        lines_end(&run).await;
        let audit = WORLD.services.audit().await.unwrap();
        assert!(audit.shipments.iter().all(|(order, _)| *order != 7));
        assert!(audit.reservations.iter().all(|one| one.order != 7), "all of it is free again");
    });
}
