//! Compares all sides, by content: the orders as their runs ended, what people decided and were told,
//! and what the three services hold.

use std::collections::BTreeMap;

use demo_kit::comparison::{Comparison, Row};

use crate::demo::ledger::ChangeId;
use crate::demo::people::MANAGER;
use crate::demo::plan::{Plan, Verdict};
use crate::demo::results::{Ended, Results};
use crate::desk::{Stage, WhereIsIt};
use crate::model::{Address, Line, Order, Outcome};
use crate::services::Audit;
use crate::services::catalogue::GOODS;

/// All that is compared.
pub(super) struct Sides<'a> {
    pub(super) plans: &'a [Plan],
    pub(super) results: &'a Results,
    /// What customers were told: whether a change was accepted.
    pub(super) told: &'a BTreeMap<ChangeId, bool>,
    pub(super) audit: &'a Audit,
}

impl Sides<'_> {
    /// Compares them.
    pub(super) fn compare(&self) -> Comparison {
        let audit = self.audit;
        let rows = vec![
            self.approvals(),
            self.reservations(),
            self.packed(),
            self.stock(),
            self.charges(),
            self.declines(),
            self.shipments(),
            self.addresses(),
            self.answers(),
            self.places(),
            self.progress(),
        ];
        let again = format!("came again and took effect once: {} requests", audit.repeats);
        let remarks = vec![self.endings(), again];
        Comparison { rows, broken: self.results.broken.clone(), faults: Vec::new(), remarks }
    }

    /// The orders that are over, with their plans.
    fn ended(&self) -> impl Iterator<Item = (&Plan, &Ended)> {
        let ended = |plan: &Plan| self.results.ended.get(&plan.order.number);
        self.plans.iter().filter_map(move |plan| Some((plan, ended(plan)?)))
    }

    /// Those that were delivered, and where they went.
    fn delivered(&self) -> impl Iterator<Item = (&Plan, &Ended, &Address)> {
        self.ended().filter_map(|(plan, ended)| match &ended.outcome {
            Outcome::Delivered { address, .. } => Some((plan, ended, address)),
            _ => None,
        })
    }

    /// What was decided, against who declined as the orders say it.
    fn approvals(&self) -> Row {
        let needy = self.plans.iter().filter(|plan| plan.order.needs_approval());
        let decided = needy.map(|plan| (name(plan), wanted(plan.verdict)));
        let honoured = self.ended().filter_map(|(plan, ended)| match &ended.outcome {
            Outcome::Declined { by } => Some((name(plan), Some(by.clone()))),
            _ => plan.order.needs_approval().then(|| (name(plan), None)),
        });
        Row::of("approvals", &decided.collect(), &honoured.collect())
    }

    /// What the warehouse keeps, against what the orders found there.
    fn reservations(&self) -> Row {
        let kept = self.audit.reservations.iter();
        let kept = kept.map(|one| (item(one.order, &one.item), one.pieces)).collect();
        let found =
            self.reserved().map(|(order, line)| (item(order, &line.item), i64::from(line.pieces)));
        Row::of_each_once("reservations", kept, &found.collect(), "was reserved more than once")
    }

    /// The lines for which the orders found stock.
    fn reserved(&self) -> impl Iterator<Item = (u64, &Line)> {
        self.ended().flat_map(|(plan, ended)| {
            let lines = plan.order.lines.iter().filter(|line| match &ended.outcome {
                Outcome::Declined { .. } => false,
                Outcome::OutOfStock { items } => !items.contains(&line.item),
                Outcome::CardDeclined { .. } | Outcome::Delivered { .. } => true,
            });
            lines.map(|line| (plan.order.number, line))
        })
    }

    /// How often what was packed, against the lines of what was delivered.
    fn packed(&self) -> Row {
        let packed = self.audit.reservations.iter().filter(|one| one.packed > 0);
        let packed = packed.map(|one| (item(one.order, &one.item), one.packed));
        let wanted = self.delivered().flat_map(|(plan, ..)| {
            let number = plan.order.number;
            plan.order.lines.iter().map(move |line| (item(number, &line.item), 1))
        });
        Row::of("packed", &packed.collect(), &wanted.collect())
    }

    /// What is left in the warehouse, against what the orders have left there.
    fn stock(&self) -> Row {
        let mut left: BTreeMap<_, _> =
            GOODS.iter().map(|goods| (goods.item.to_owned(), i64::from(goods.pieces))).collect();
        for (_, line) in self.reserved() {
            if let Some(pieces) = left.get_mut(&line.item) {
                *pieces -= i64::from(line.pieces);
            }
        }
        Row::of("stock left", &self.audit.stock, &left)
    }

    /// What was charged, against what the delivered orders cost.
    fn charges(&self) -> Row {
        let charges = self.audit.charges.iter();
        let charges = charges.map(|(order, cents)| (numbered(order), cents.unsigned_abs()));
        let costs = self.delivered().map(|(plan, ..)| (name(plan), plan.order.cents()));
        let costs = costs.collect();
        Row::of_each_once("charges", charges.collect(), &costs, "was charged more than once")
    }

    /// Whose card was not charged, on both sides.
    fn declines(&self) -> Row {
        let declined = self.audit.declines.iter().map(|order| (numbered(order), ())).collect();
        let ended =
            self.ended().filter(|(_, ended)| matches!(ended.outcome, Outcome::CardDeclined { .. }));
        let ended = ended.map(|(plan, _)| (name(plan), ())).collect();
        Row::of_each_once("cards declined", declined, &ended, "was declined more than once")
    }

    /// What the carrier has, against where the orders say that they went.
    fn shipments(&self) -> Row {
        let went = self.delivered().map(|(plan, _, address)| (name(plan), address.clone()));
        let twice = "was shipped more than once";
        Row::of_each_once("shipments", self.shipped(), &went.collect(), twice)
    }

    fn shipped(&self) -> Vec<(String, Address)> {
        let shipments = self.audit.shipments.iter();
        shipments.map(|(order, address)| (numbered(order), address.clone())).collect()
    }

    /// Where the carrier takes each order, against the last address that it had acknowledged.
    fn addresses(&self) -> Row {
        let last = |plan: &Plan, ended: &Ended| {
            let accepted = ended.changes.iter().rfind(|(_, accepted)| *accepted);
            accepted.map_or_else(|| plan.order.address.clone(), |(address, _)| address.clone())
        };
        let wanted = self.delivered().map(|(plan, ended, _)| (name(plan), last(plan, ended)));
        Row::of("last addresses", &self.shipped().into_iter().collect(), &wanted.collect())
    }

    /// What customers were told of their changes, against what the orders have answered.
    fn answers(&self) -> Row {
        let told = self.told.iter().map(|((order, change), accepted)| {
            (format!("change {change} of order {order}"), *accepted)
        });
        let answered = self.ended().flat_map(|(plan, ended)| {
            plan.changes.iter().filter_map(|change| {
                let id = (plan.order.number, change.number);
                // Whose answer a kill has swallowed, nobody was told.
                let answers = ended.changes.iter().filter(|_| self.told.contains_key(&id));
                let (_, accepted) =
                    answers.into_iter().find(|(address, _)| *address == change.address)?;
                Some((format!("change {} of order {}", id.1, id.0), *accepted))
            })
        });
        Row::of("address changes", &told.collect(), &answered.collect())
    }

    /// Where the orders were when they ended, against what they tell of it when they are over.
    fn places(&self) -> Row {
        let been = self.ended().map(|(plan, ended)| (name(plan), last_place(&ended.outcome)));
        let told = self.ended().filter_map(|(plan, ended)| {
            let WhereIsIt { stage, address, .. } = ended.told.clone()?;
            Some((name(plan), (stage, Some(address).filter(|_| stage == Stage::OnItsWay))))
        });
        Row::of("where it is", &been.collect(), &told.collect())
    }

    /// What the orders told line by line, against what those that were delivered have to tell.
    fn progress(&self) -> Row {
        let told = self.delivered().map(|(plan, ended, _)| (name(plan), ended.progress.clone()));
        let wanted = self.delivered().map(|(plan, ..)| (name(plan), whole_progress(&plan.order)));
        Row::of("progress", &told.collect(), &wanted.collect())
    }

    /// How the orders ended, in a sentence.
    fn endings(&self) -> String {
        let mut counts = BTreeMap::<_, usize>::new();
        for (_, ended) in self.ended() {
            *counts.entry(ending(&ended.outcome)).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(how, count)| format!("{how} × {count}")).collect();
        format!("how the orders ended: {}", counts.join(", "))
    }
}

/// What an order tells until it is delivered.
fn whole_progress(order: &Order) -> String {
    let lines = order.lines.len();
    let asked = order.needs_approval().then(|| "waiting for approval\n".to_owned());
    let packed = (1..=lines).map(|packed| format!("packed {packed} of {lines}\n"));
    let told = asked.into_iter().chain(["everything is reserved\n".to_owned()]).chain(packed);
    told.chain(["on its way\n", "delivered\n"].map(str::to_owned)).collect()
}

/// Who declines by this verdict, if anybody does: nobody, where nobody decides in time.
fn wanted(verdict: Verdict) -> Option<Option<String>> {
    match verdict {
        Verdict::Approve => None,
        Verdict::Decline => Some(Some(MANAGER.to_owned())),
        Verdict::Nobody => Some(None),
    }
}

/// At which stage an order ended so, and where it went if it was shipped.
fn last_place(outcome: &Outcome) -> (Stage, Option<Address>) {
    match outcome {
        Outcome::Declined { .. } => (Stage::Approval, None),
        Outcome::OutOfStock { .. } => (Stage::Reserving, None),
        Outcome::CardDeclined { .. } => (Stage::Paying, None),
        Outcome::Delivered { address, .. } => (Stage::OnItsWay, Some(address.clone())),
    }
}

const fn ending(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Declined { by: Some(_) } => "declined",
        Outcome::Declined { by: None } => "not approved in time",
        Outcome::OutOfStock { .. } => "out of stock",
        Outcome::CardDeclined { .. } => "card declined",
    }
}

fn name(plan: &Plan) -> String {
    numbered(plan.order.number)
}

fn numbered(order: impl std::fmt::Display) -> String {
    format!("order {order}")
}

fn item(order: impl std::fmt::Display, item: &str) -> String {
    format!("{item} of order {order}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::plan::Change;
    use crate::services::Reservation;

    fn address(street: &str) -> Address {
        Address { street: street.to_owned(), city: "Cork".to_owned() }
    }

    /// One order for a lamp, whose address was changed once, and all sides agree on it.
    struct World {
        plan: Plan,
        ended: Ended,
        told: BTreeMap<ChangeId, bool>,
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
                plan: Plan { order, verdict: Verdict::Approve, changes: vec![change] },
                ended: Ended { outcome, changes: vec![(last, true)], told: Some(told), progress },
                told: BTreeMap::from([((7, 0), true)]),
                audit,
            }
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
        world.told.insert((7, 0), false);
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
        world.ended.outcome = Outcome::Declined { by: None };
        let differences = world.differences();
        let named = "approvals: order 7 is only on this side".to_owned();
        assert!(differences.contains(&named), "{differences:?}");
    }

    #[test]
    fn what_an_order_without_an_end_had_done_is_named() {
        let mut world = World::new();
        world.ended.outcome = Outcome::CardDeclined { reason: String::new() };
        let differences = world.differences();
        for named in [
            "charges: order 7 is only on the other side",
            "cards declined: order 7 is only on this side",
        ] {
            assert!(differences.contains(&named.to_owned()), "{named}: {differences:?}");
        }
    }
}
