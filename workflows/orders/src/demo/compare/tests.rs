//! What is compared, on an order and on all that can be wrong with it.

use super::*;
use crate::demo::plan::Change;
use crate::services::{Release, Reservation};

fn address(street: &str) -> Address {
    Address { street: street.to_owned(), city: "Cork".to_owned() }
}

/// One order for a lamp, whose address was changed once, and all sides agree on it.
struct World {
    plan: Plan,
    ended: Ended,
    told: Heard,
    audit: Audit,
}

impl World {
    fn new() -> Self {
        let line = Line { item: "reading lamp".to_owned(), pieces: 1, cents: 4_900 };
        let (first, last) = (address("Elm Street 2"), address("Oak Street 1"));
        let lines = vec![line.clone()];
        let order = Order { number: 7, card: String::new(), address: first, lines };
        let change = Change { number: 0, at: Stage::Packing, address: last.clone() };
        let (receipt, tracking) = (String::new(), String::new());
        let outcome = Outcome::Delivered { receipt, tracking, address: last.clone() };
        let reservation = Reservation { order: 7, item: line.item, pieces: 1, packed: 1 };
        let mut audit = Audit {
            reservations: vec![reservation],
            charges: vec![(7, 4_900)],
            shipments: vec![(7, last.clone())],
            ..Audit::default()
        };
        let (stage, address) = (Stage::OnItsWay, last.clone());
        let told = WhereIsIt { stage, packed: 1, lines: 1, address };
        let progress = whole_progress(&order);
        for goods in GOODS {
            let taken = i64::from(goods.item == "reading lamp");
            audit.stock.insert(goods.item.to_owned(), i64::from(goods.pieces) - taken);
        }
        Self {
            plan: Plan {
                order,
                verdict: Verdict::Approve,
                changes: vec![change],
                cancel: None,
                kill: None,
                hold: None,
                timeout: None,
            },
            ended: Ended {
                ending: Ending::Returned(outcome),
                payment: Some(Payment::Charged { receipt: String::new() }),
                shipped: Some(last.clone()),
                is_refused: false,
                was_told: false,
                changes: vec![(last, true)],
                told: Some(told),
                progress,
            },
            told: Heard { changes: BTreeMap::from([((7, 0), true)]), ..Heard::default() },
            audit,
        }
    }

    /// The same order, cancelled when it was paid, and all of it undone.
    fn cancelled() -> Self {
        let mut world = Self::new();
        world.plan.cancel = Some(3);
        world.told.cancelled.insert(7);
        world.ended.ending = Ending::Cancelled;
        world.ended.shipped = None;
        let Audit { stock, reservations, releases, refunds, shipments, .. } = &mut world.audit;
        *refunds = vec![(7, 4_900)];
        shipments.clear();
        for Reservation { order, item, pieces, .. } in reservations.drain(..) {
            *stock.get_mut(&item).unwrap() += pieces;
            releases.push(Release { order, item, pieces });
        }
        world
    }

    fn differences(&self) -> Vec<String> {
        let ended = BTreeMap::from([(7, self.ended.clone())]);
        let results = Results { ended, broken: Vec::new() };
        let plans = std::slice::from_ref(&self.plan);
        let sides = Sides { plans, results: &results, told: &self.told, audit: &self.audit };
        let rows = sides.compare().rows;
        let named = rows.iter().flat_map(|row| {
            row.differences.iter().map(move |difference| format!("{}: {difference}", row.what))
        });
        named.collect()
    }
}

#[test]
fn sides_that_agree_have_no_difference() {
    assert_eq!(World::new().differences(), Vec::<String>::new());
}

#[test]
fn what_a_service_did_twice_is_named() {
    let mut world = World::new();
    let Audit { reservations, charges, shipments, .. } = &mut world.audit;
    reservations[0].packed = 2;
    reservations.push(reservations[0].clone());
    charges.push((7, 4_900));
    shipments.push(shipments[0].clone());
    assert_eq!(
        world.differences(),
        [
            "reservations: reading lamp of order 7 was reserved more than once",
            "packed: reading lamp of order 7 differs",
            "charges: order 7 was charged more than once",
            "shipments: order 7 was shipped more than once",
        ]
    );
}

#[test]
fn a_change_that_was_acknowledged_after_the_shipment_is_named() {
    let mut world = World::new();
    world.ended.changes.push((address("Ash Street 9"), true));
    assert_eq!(world.differences(), ["last addresses: order 7 differs"]);
}

#[test]
fn an_answer_that_was_taken_back_is_named() {
    let mut world = World::new();
    world.told.changes.insert((7, 0), false);
    assert_eq!(world.differences(), ["address changes: change 0 of order 7 differs"]);
}

#[test]
fn an_approval_that_was_not_asked_for_or_not_honoured_is_named() {
    let mut world = World::new();
    world.plan.order.lines[0].cents = 200_000;
    world.plan.verdict = Verdict::Nobody;
    let differences = world.differences();
    assert!(differences.contains(&"approvals: order 7 differs".to_owned()), "{differences:?}");
    world.plan = World::new().plan;
    world.ended.ending = Ending::Returned(Outcome::Declined { by: None });
    let differences = world.differences();
    let named = "approvals: order 7 is only on this side".to_owned();
    assert!(differences.contains(&named), "{differences:?}");
}

#[test]
fn what_an_order_without_an_end_had_done_is_named() {
    let mut world = World::new();
    world.ended.ending = Ending::Returned(Outcome::CardDeclined { reason: String::new() });
    let differences = world.differences();
    for named in [
        "reservations: reading lamp of order 7 is only on the other side",
        "released: reading lamp of order 7 is only on this side",
        "shipments: order 7 is only on the other side",
        "refunds: order 7 is only on this side",
        "cards declined: order 7 is only on this side",
    ] {
        assert!(differences.contains(&named.to_owned()), "{named}: {differences:?}");
    }
}

#[test]
fn what_is_cancelled_and_undone_is_no_difference() {
    assert_eq!(World::cancelled().differences(), Vec::<String>::new());
}

#[test]
fn what_is_undone_because_its_time_was_over_is_no_difference() {
    let mut world = World::cancelled();
    world.ended.ending = Ending::TimedOut;
    assert_eq!(world.differences(), Vec::<String>::new(), "it was cancelled too late");
    world.told.cancelled.clear();
    world.plan.cancel = None;
    assert_eq!(world.differences(), Vec::<String>::new());
}

#[test]
fn what_is_undone_because_the_carrier_refused_it_is_no_difference_where_both_say_so() {
    let mut world = World::cancelled();
    (world.ended.ending, world.ended.is_refused) = (Ending::NotTaken, true);
    world.audit.refusals = vec![7];
    let gone_on = ["cancelled: order 7 is only on the other side"];
    assert_eq!(
        world.differences(),
        gone_on,
        "it went on although people heard that it is cancelled"
    );
    world.ended.was_told = true;
    assert_eq!(world.differences(), Vec::<String>::new(), "it was told as it cleaned up");
    world.audit.refusals.clear();
    assert_eq!(world.differences(), ["not taken: order 7 is only on this side"]);
}

#[test]
fn what_was_written_off_is_no_difference_whatever_its_order_knew() {
    let mut world = World::cancelled();
    world.told.cancelled.clear();
    (world.plan.cancel, world.plan.kill) = (None, Some(3));
    world.ended.ending = Ending::WrittenOff;
    assert_eq!(world.differences(), Vec::<String>::new());
    world.ended.payment = None;
    world.ended.shipped = Some(address("Oak Street 1"));
    assert_eq!(world.differences(), Vec::<String>::new(), "it was killed as it heard of it");
}

#[test]
fn what_was_not_written_off_is_named() {
    let mut world = World::new();
    world.plan.kill = Some(3);
    world.ended.ending = Ending::WrittenOff;
    let differences = world.differences();
    for named in [
        "reservations: reading lamp of order 7 is only on the other side",
        "refunds: order 7 is only on this side",
        "shipments: order 7 is only on the other side",
    ] {
        assert!(differences.contains(&named.to_owned()), "{named}: {differences:?}");
    }
}

#[test]
fn what_was_not_undone_is_named() {
    let mut world = World::cancelled();
    let Audit { reservations, releases, refunds, .. } = &mut world.audit;
    refunds.clear();
    let Release { order, item, pieces } = releases.remove(0);
    reservations.push(Reservation { order, item, pieces, packed: 1 });
    assert_eq!(
        world.differences(),
        [
            "reservations: reading lamp of order 7 is only on the other side",
            "packed: reading lamp of order 7 is only on the other side",
            "refunds: order 7 is only on this side",
        ]
    );
}

#[test]
fn what_was_undone_twice_is_named() {
    let mut world = World::cancelled();
    let Audit { stock, releases, refunds, .. } = &mut world.audit;
    *stock.get_mut("reading lamp").unwrap() += 1;
    releases.push(releases[0].clone());
    refunds.push(refunds[0]);
    assert_eq!(
        world.differences(),
        [
            "released: reading lamp of order 7 was released more than once",
            "stock left: reading lamp differs",
            "refunds: order 7 was refunded more than once",
        ]
    );
}

#[test]
fn what_was_shipped_and_undone_is_named() {
    let mut world = World::new();
    world.audit.refunds = vec![(7, 4_900)];
    assert_eq!(world.differences(), ["refunds: order 7 is only on the other side"]);
}

#[test]
fn an_order_that_is_not_cancelled_although_people_heard_so_is_named() {
    let mut world = World::new();
    world.told.cancelled.insert(7);
    assert_eq!(world.differences(), ["cancelled: order 7 is only on the other side"]);
    let mut world = World::cancelled();
    world.told.cancelled.clear();
    assert_eq!(world.differences(), Vec::<String>::new(), "a kill may have swallowed the answer");
    world.plan.cancel = None;
    assert_eq!(world.differences(), ["cancelled: order 7 is only on this side"]);
}
