//! An order is ended after each of its turns: cancelled, it leaves nothing behind, or it is shipped; killed, it leaves
//! nothing behind when it is written off. So does one that fails, also where its refund has to be tried again.

use std::collections::BTreeMap;

use order_fulfilment::model::{Address, Order};
use order_fulfilment::services::{Audit, LOCKED_CARD, LOST_CITY};
use order_fulfilment::{Decision, Stage};
use segno_api::{HistoryEvent, RunStatus, RunView, Wait};

use crate::world::{WORLD, address, end, expensive, lines_end, order, reach};

/// What the services did for one order.
#[derive(Debug, PartialEq, Eq)]
struct Effects {
    /// What the warehouse keeps, by item: how many pieces, and how often they were packed.
    kept: BTreeMap<String, (i64, i64)>,
    /// How many reservations it took back.
    released: usize,
    /// In cents.
    charges: Vec<i64>,
    refunds: Vec<i64>,
    shipments: usize,
}

impl Effects {
    /// For an order that has ended, and its lines as well.
    async fn on(order: &Order) -> Self {
        let Audit { reservations, releases, charges, refunds, shipments, .. } =
            WORLD.services.audit().await.unwrap();
        let number = i64::try_from(order.number).unwrap();
        let cents = |all: Vec<(i64, i64)>| {
            let of_it = all.into_iter().filter(|(order, _)| *order == number);
            of_it.map(|(_, cents)| cents).collect()
        };
        let kept = reservations.into_iter().filter(|one| one.order == number);
        Self {
            kept: kept.map(|one| (one.item, (one.pieces, one.packed))).collect(),
            released: releases.iter().filter(|one| one.order == number).count(),
            charges: cents(charges),
            refunds: cents(refunds),
            shipments: shipments.iter().filter(|(order, _)| *order == number).count(),
        }
    }

    /// Either all was done, or what was done is undone: each thing once.
    fn check(&self, order: &Order) {
        let cents = i64::try_from(order.cents()).unwrap();
        if self.shipments > 0 {
            let all = order.lines.iter().map(|line| (line.item.clone(), (line.pieces.into(), 1)));
            let shipped = Self {
                kept: all.collect(),
                released: 0,
                charges: vec![cents],
                refunds: Vec::new(),
                shipments: 1,
            };
            assert_eq!(*self, shipped);
        } else {
            assert!(self.kept.is_empty(), "{self:?}");
            assert!(self.released <= order.lines.len(), "{self:?}");
            assert!(self.charges.is_empty() || self.charges == [cents], "{self:?}");
            assert_eq!(self.refunds, self.charges);
        }
    }
}

/// Waits until a run has had so many turns, and lets nothing keep it from that; or until it has ended.
async fn have_turns(order: &Order, run: &str, turns: u64) {
    loop {
        let RunView { status, turns: had, waits_for, .. } = WORLD.api.run(run).await.unwrap();
        if status.has_ended() || had >= turns {
            return;
        }
        if waits_for.iter().any(|wait| matches!(wait, Wait::Hook { .. })) {
            let decision = Decision { by: "ada".to_owned(), approved: true };
            WORLD.api.decide(order.number, &decision).await.unwrap();
        } else if waits_for.iter().any(|wait| matches!(wait, Wait::Sleep { .. })) {
            WORLD.api.wake(run).await.unwrap();
        }
    }
}

/// Waits until a run has ended.
async fn ended(run: &str) -> RunStatus {
    loop {
        let RunView { status, .. } = WORLD.api.run(run).await.unwrap();
        if status.has_ended() {
            return status;
        }
    }
}

/// Cancels orders after no turn, after one, after two, and so on, until one is delivered before.
async fn cancel_at_every_turn(first: u64, make: impl Fn(u64) -> Order) {
    for turns in 0.. {
        let order = make(first + turns);
        let run = WORLD.api.start(&order).await.unwrap();
        have_turns(&order, &run, turns).await;
        let is_cancelled = WORLD.api.cancel(&run).await.unwrap();
        let status = ended(&run).await;
        lines_end(&run).await;

        let effects = Effects::on(&order).await;
        effects.check(&order);
        let expected = if is_cancelled { RunStatus::Cancelled } else { RunStatus::Completed };
        assert_eq!(status, expected, "after {turns} turns");
        if !is_cancelled {
            return assert_eq!(effects.shipments, 1);
        }
    }
}

#[test]
fn an_order_that_is_cancelled_at_any_turn_leaves_nothing_behind_unless_it_is_shipped() {
    WORLD.runtime.block_on(cancel_at_every_turn(1_000, |number| order(number, 2, 700)));
}

#[test]
fn so_does_one_that_somebody_approves() {
    WORLD.runtime.block_on(cancel_at_every_turn(2_000, expensive));
}

#[test]
fn what_is_on_its_way_stays_paid_when_it_is_cancelled() {
    WORLD.runtime.block_on(async {
        let order = order(3_000, 1, 700);
        let run = WORLD.api.start(&order).await.unwrap();
        reach(&run, Stage::OnItsWay).await;
        assert!(WORLD.api.cancel(&run).await.unwrap());
        assert_eq!(ended(&run).await, RunStatus::Cancelled);
        let effects = Effects::on(&order).await;
        assert_eq!(effects.shipments, 1);
        effects.check(&order);
    });
}

/// Waits until an order that was killed is written off.
async fn written_off(order: &Order) {
    let run = WORLD.api.write_off(order).await.unwrap();
    assert_eq!(ended(&run).await, RunStatus::Completed);
}

#[test]
fn an_order_that_is_killed_at_any_turn_leaves_nothing_behind_when_it_is_written_off() {
    WORLD.runtime.block_on(async {
        for turns in 0.. {
            let order = order(5_000 + turns, 2, 700);
            let run = WORLD.api.start(&order).await.unwrap();
            have_turns(&order, &run, turns).await;
            if !WORLD.api.kill(&run).await.unwrap() {
                return;
            }
            assert_eq!(ended(&run).await, RunStatus::Cancelled);
            written_off(&order).await;
            lines_end(&run).await;
            let effects = Effects::on(&order).await;
            assert_eq!(effects.shipments, 0, "after {turns} turns");
            effects.check(&order);
        }
    });
}

/// To where nobody goes.
fn lost(number: u64) -> Order {
    let address = Address { city: LOST_CITY.to_owned(), ..address("Elm Street 2") };
    Order { address, ..order(number, 2, 700) }
}

#[test]
fn an_order_that_the_carrier_does_not_take_fails_and_is_undone() {
    WORLD.runtime.block_on(async {
        let order = lost(6_000);
        let run = WORLD.api.start(&order).await.unwrap();
        assert_eq!(ended(&run).await, RunStatus::Failed);
        let error = WORLD.api.run(&run).await.unwrap().error.unwrap();
        assert!(error.starts_with("step `book` failed"), "{error}");
        assert!(error.ends_with("nobody goes there"), "{error}");
        let effects = Effects::on(&order).await;
        assert_eq!((effects.released, effects.refunds.len()), (2, 1));
        effects.check(&order);
    });
}

/// Waits until an order has failed because its refund was refused, and has it tried again: it ends so then, and is
/// refunded once.
async fn refunded_at_the_second_time(order: &Order, run: &str, end: RunStatus) {
    assert_eq!(ended(run).await, RunStatus::Failed);
    let error = WORLD.api.run(run).await.unwrap().error.unwrap();
    assert!(error.contains("compensation `refund` failed"), "{error}");
    assert!(error.ends_with("somebody has to look at this card"), "{error}");
    assert_eq!(Effects::on(order).await.refunds, Vec::<i64>::new());

    WORLD.api.retry(run).await.unwrap();
    assert_eq!(ended(run).await, end);
    let error = WORLD.api.run(run).await.unwrap().error.unwrap_or_default();
    assert!(!error.contains("compensation"), "{error}");
    let effects = Effects::on(order).await;
    assert_eq!((effects.charges.len(), effects.refunds.len()), (1, 1));
    effects.check(order);
    let Audit { refunded_as_others, .. } = WORLD.services.audit().await.unwrap();
    assert_eq!(refunded_as_others, Vec::<i64>::new(), "the step has the ID that it had");
}

#[test]
fn a_refund_that_was_refused_is_made_when_the_order_that_failed_is_tried_again() {
    WORLD.runtime.block_on(async {
        let order = Order { card: LOCKED_CARD.to_owned(), ..lost(6_001) };
        let run = WORLD.api.start(&order).await.unwrap();
        refunded_at_the_second_time(&order, &run, RunStatus::Failed).await;
    });
}

#[test]
fn so_it_is_when_the_order_was_cancelled() {
    WORLD.runtime.block_on(async {
        for number in 7_000.. {
            let order = Order { card: LOCKED_CARD.to_owned(), ..order(number, 2, 700) };
            let run = WORLD.api.start(&order).await.unwrap();
            // The turn in which it has paid; it may be further on by now.
            while Effects::on(&order).await.charges.is_empty() {
                tokio::task::yield_now().await;
            }
            assert!(WORLD.api.cancel(&run).await.unwrap());
            let status = ended(&run).await;
            if Effects::on(&order).await.shipments == 0 {
                assert_eq!(status, RunStatus::Failed);
                return refunded_at_the_second_time(&order, &run, RunStatus::Cancelled).await;
            }
        }
    });
}

#[test]
fn an_order_whose_line_is_cancelled_fails_and_leaves_nothing_behind() {
    WORLD.runtime.block_on(async {
        for number in 4_000.. {
            let order = order(number, 2, 700);
            let run = WORLD.api.start(&order).await.unwrap();
            let line = first_line(&run).await;
            if WORLD.api.cancel(&line).await.unwrap() {
                assert_eq!(ended(&run).await, RunStatus::Failed);
                lines_end(&run).await;
                let effects = Effects::on(&order).await;
                assert_eq!(effects.shipments, 0);
                return effects.check(&order);
            }
            // It was packed already.
            end(&run).await;
        }
    });
}

/// Waits until an order has lines; gives the run of the first one.
async fn first_line(run: &str) -> String {
    loop {
        let history = WORLD.api.history(run).await.unwrap();
        let line = history.into_iter().find_map(|entry| match entry.event {
            HistoryEvent::ChildStarted { run_id, .. } => Some(run_id),
            _ => None,
        });
        if let Some(line) = line {
            return line;
        }
    }
}
