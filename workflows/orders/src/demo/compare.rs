//! Compares all sides, by content: the orders as their runs ended, what people decided and were told,
//! and what the three services hold.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use demo_kit::comparison::{Comparison, Row};

use crate::demo::ledger::Heard;
use crate::demo::people::MANAGER;
use crate::demo::plan::{Plan, Verdict};
use crate::demo::results::{Ended, Ending, Results};
use crate::desk::{Stage, WhereIsIt};
use crate::model::{Address, Line, Order, Outcome};
use crate::payments::Payment;
use crate::services::Audit;
use crate::services::catalogue::GOODS;

/// All that is compared.
pub(super) struct Sides<'a> {
    pub(super) plans: &'a [Plan],
    pub(super) results: &'a Results,
    /// What customers were told of their changes, and of what they cancelled.
    pub(super) told: &'a Heard,
    pub(super) audit: &'a Audit,
}

impl Sides<'_> {
    /// Compares them.
    pub(super) fn compare(&self) -> Comparison {
        let audit = self.audit;
        let rows = vec![
            self.approvals(),
            self.cancelled(),
            self.reservations(),
            self.released(),
            self.packed(),
            self.stock(),
            self.charges(),
            self.refunds(),
            self.declines(),
            self.refusals(),
            self.shipments(),
            self.addresses(),
            self.answers(),
            self.places(),
            self.progress(),
        ];
        let again = format!("came again and took effect once: {} requests", audit.repeats);
        let locks = format!("refunds that somebody had to look at first: {}", audit.locks);
        let remarks = vec![self.endings(), again, locks];
        let others = audit.refunded_as_others.iter();
        let others = others.map(|order| format!("order {order} was refunded as another step"));
        let broken = self.results.broken.iter().cloned().chain(others).collect();
        Comparison { rows, broken, faults: Vec::new(), remarks }
    }

    /// The orders that are over, with their plans.
    fn ended(&self) -> impl Iterator<Item = (&Plan, &Ended)> {
        let ended = |plan: &Plan| self.results.ended.get(&plan.order.number);
        self.plans.iter().filter_map(move |plan| Some((plan, ended(plan)?)))
    }

    /// Those that returned something, and what.
    fn returned(&self) -> impl Iterator<Item = (&Plan, &Ended, &Outcome)> {
        self.ended().filter_map(|(plan, ended)| Some((plan, ended, ended.outcome()?)))
    }

    /// Those that were delivered.
    fn delivered(&self) -> impl Iterator<Item = (&Plan, &Ended)> {
        let delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered { .. });
        self.returned()
            .filter_map(move |(plan, ended, outcome)| delivered(outcome).then_some((plan, ended)))
    }

    /// Those that were shipped, also where they were cancelled then, and where they went.
    fn went(&self) -> impl Iterator<Item = (&Plan, &Ended, &Address)> {
        self.ended().filter_map(|(plan, ended)| Some((plan, ended, ended.went()?)))
    }

    /// Those whose cards were charged, and whether it is to stay so. What was asked for an order that was killed
    /// then, only the payment service knows.
    fn paid(&self) -> impl Iterator<Item = (&Plan, bool)> {
        let charged: BTreeSet<_> = self.audit.charges.iter().map(|(order, _)| *order).collect();
        self.ended().filter_map(move |(plan, ended)| {
            let is_paid = match ended.ending {
                Ending::WrittenOff => plan.is_in(&charged),
                _ => matches!(ended.payment, Some(Payment::Charged { .. })),
            };
            is_paid.then(|| (plan, ended.went().is_some()))
        })
    }

    /// What was decided of the orders that were not ended before, against who declined as they say it.
    fn approvals(&self) -> Row {
        let needy = self.plans.iter().filter(|plan| {
            let ended = self.results.ended.get(&plan.order.number);
            plan.order.needs_approval() && ended.is_none_or(|ended| ended.outcome().is_some())
        });
        let decided = needy.map(|plan| (name(plan), wanted(plan.verdict)));
        let honoured = self.returned().filter_map(|(plan, _, outcome)| match outcome {
            Outcome::Declined { by } => Some((name(plan), Some(by.clone()))),
            _ => plan.order.needs_approval().then(|| (name(plan), None)),
        });
        Row::of("approvals", &decided.collect(), &honoured.collect())
    }

    /// Of which orders people heard that they are cancelled, against those that are.
    fn cancelled(&self) -> Row {
        let came_late = |order: &u64| {
            let ended = self.results.ended.get(order);
            ended.is_some_and(|it| match it.ending {
                Ending::TimedOut => true,
                Ending::NotTaken => it.was_told,
                _ => false,
            })
        };
        // One whose time was over already, or that was being undone, ends with that.
        let heard = self.told.cancelled.iter().filter(|order| !came_late(order));
        let heard = heard.map(|order| (numbered(order), ()));
        let cancelled = self.ended().filter(|(plan, ended)| {
            // Whose answer a kill has swallowed, nobody was told.
            let is_heard = self.told.cancelled.contains(&plan.order.number);
            ended.ending == Ending::Cancelled && (is_heard || plan.cancel.is_none())
        });
        let cancelled = cancelled.map(|(plan, _)| (name(plan), ()));
        Row::of("cancelled", &heard.collect(), &cancelled.collect())
    }

    /// What the warehouse keeps, against the lines of what was shipped.
    fn reservations(&self) -> Row {
        let kept = self.audit.reservations.iter();
        let kept = kept.map(|one| (item(one.order, &one.item), one.pieces)).collect();
        let shipped =
            self.shipped_lines().map(|(order, line)| (item(order, &line.item), line.pieces.into()));
        Row::of_each_once("reservations", kept, &shipped.collect(), "was reserved more than once")
    }

    fn shipped_lines(&self) -> impl Iterator<Item = (u64, &Line)> {
        self.went().flat_map(|(plan, ..)| {
            plan.order.lines.iter().map(move |line| (plan.order.number, line))
        })
    }

    /// What the warehouse took back, against what the orders found there and did not ship.
    fn released(&self) -> Row {
        let released = self.audit.releases.iter();
        let released: Vec<_> =
            released.map(|one| (item(one.order, &one.item), one.pieces)).collect();
        let known: BTreeSet<_> = released.iter().map(|(id, _)| id.clone()).collect();
        let found = self.ended().flat_map(|(plan, ended)| {
            let known = &known;
            plan.order.lines.iter().filter_map(move |line| {
                let id = item(plan.order.number, &line.item);
                let found = match ended.outcome() {
                    Some(Outcome::Declined { .. } | Outcome::Delivered { .. }) => false,
                    Some(Outcome::OutOfStock { items }) => !items.contains(&line.item),
                    Some(Outcome::CardDeclined { .. }) => true,
                    // Only the warehouse knows what has come to it before the order was ended.
                    None => ended.went().is_none() && known.contains(&id),
                };
                found.then(|| (id, i64::from(line.pieces)))
            })
        });
        let found = found.collect();
        Row::of_each_once("released", released, &found, "was released more than once")
    }

    /// How often what was packed, against the lines of what was shipped.
    fn packed(&self) -> Row {
        let packed = self.audit.reservations.iter().filter(|one| one.packed > 0);
        let packed = packed.map(|one| (item(one.order, &one.item), one.packed));
        let shipped = self.shipped_lines().map(|(order, line)| (item(order, &line.item), 1));
        Row::of("packed", &packed.collect(), &shipped.collect())
    }

    /// What is left in the warehouse, against what was shipped of what was there at the beginning.
    fn stock(&self) -> Row {
        let mut left: BTreeMap<_, _> =
            GOODS.iter().map(|goods| (goods.item.to_owned(), i64::from(goods.pieces))).collect();
        for (_, line) in self.shipped_lines() {
            if let Some(pieces) = left.get_mut(&line.item) {
                *pieces -= i64::from(line.pieces);
            }
        }
        Row::of("stock left", &self.audit.stock, &left)
    }

    /// What was charged, against what the orders that were shipped, or had paid when they were ended, cost.
    fn charges(&self) -> Row {
        let charges = amounts(&self.audit.charges);
        let shipped = self.went().map(|(plan, ..)| plan);
        let plans = self.paid().map(|(plan, _)| plan).chain(shipped);
        let costs = plans.map(|plan| (name(plan), plan.order.cents())).collect();
        Row::of_each_once("charges", charges, &costs, "was charged more than once")
    }

    /// What was given back, against what the orders cost that had paid and were not shipped.
    fn refunds(&self) -> Row {
        let refunds = amounts(&self.audit.refunds);
        let owed = self.paid().filter(|(_, is_shipped)| !is_shipped);
        let owed = owed.map(|(plan, _)| (name(plan), plan.order.cents())).collect();
        Row::of_each_once("refunds", refunds, &owed, "was refunded more than once")
    }

    /// Whose card was not charged, on both sides.
    fn declines(&self) -> Row {
        let declined = self.audit.declines.iter().map(|order| (numbered(order), ())).collect();
        let known: BTreeSet<_> = self.audit.declines.iter().copied().collect();
        let ended = self.ended().filter(|(plan, ended)| match &ended.ending {
            Ending::Returned(outcome) => matches!(outcome, Outcome::CardDeclined { .. }),
            Ending::WrittenOff => plan.is_in(&known),
            _ => matches!(ended.payment, Some(Payment::Declined { .. })),
        });
        let ended = ended.map(|(plan, _)| (name(plan), ())).collect();
        Row::of_each_once("cards declined", declined, &ended, "was declined more than once")
    }

    /// What the carrier does not take, on both sides.
    fn refusals(&self) -> Row {
        let refused = self.audit.refusals.iter().map(|order| (numbered(order), ())).collect();
        let known: BTreeSet<_> = self.audit.refusals.iter().copied().collect();
        let ended = self.ended().filter(|(plan, ended)| match ended.ending {
            Ending::WrittenOff => plan.is_in(&known),
            _ => ended.is_refused,
        });
        let ended = ended.map(|(plan, _)| (name(plan), ())).collect();
        Row::of_each_once("not taken", refused, &ended, "was refused more than once")
    }

    /// What the carrier has, against where the orders say that they went.
    fn shipments(&self) -> Row {
        let went = self.went().map(|(plan, _, address)| (name(plan), address.clone()));
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
        let wanted = self.went().map(|(plan, ended, _)| (name(plan), last(plan, ended)));
        Row::of("last addresses", &self.shipped().into_iter().collect(), &wanted.collect())
    }

    /// What customers were told of their changes, against what the orders have answered.
    fn answers(&self) -> Row {
        let told = self.told.changes.iter().map(|((order, change), accepted)| {
            (format!("change {change} of order {order}"), *accepted)
        });
        let answered = self.ended().flat_map(|(plan, ended)| {
            plan.changes.iter().filter_map(|change| {
                let id = (plan.order.number, change.number);
                // Whose answer a kill has swallowed, nobody was told.
                let answers = ended.changes.iter().filter(|_| self.told.changes.contains_key(&id));
                let (_, accepted) =
                    answers.into_iter().find(|(address, _)| *address == change.address)?;
                Some((format!("change {} of order {}", id.1, id.0), *accepted))
            })
        });
        Row::of("address changes", &told.collect(), &answered.collect())
    }

    /// Where the orders were that came to an end, against what they tell of it when they are over.
    fn places(&self) -> Row {
        let been = self.returned().map(|(plan, _, outcome)| (name(plan), last_place(outcome)));
        let told = self.returned().filter_map(|(plan, ended, _)| {
            let WhereIsIt { stage, address, .. } = ended.told.clone()?;
            Some((name(plan), (stage, Some(address).filter(|_| stage == Stage::OnItsWay))))
        });
        Row::of("where it is", &been.collect(), &told.collect())
    }

    /// What the orders told line by line, against what those that were delivered have to tell.
    fn progress(&self) -> Row {
        let told = self.delivered().map(|(plan, ended)| (name(plan), ended.progress.clone()));
        let wanted = self.delivered().map(|(plan, _)| (name(plan), whole_progress(&plan.order)));
        Row::of("progress", &told.collect(), &wanted.collect())
    }

    /// How the orders ended, in a sentence.
    fn endings(&self) -> String {
        let mut counts = BTreeMap::<_, usize>::new();
        for (_, ended) in self.ended() {
            *counts.entry(ending(ended)).or_default() += 1;
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

/// How an order ended, in words.
fn ending(ended: &Ended) -> String {
    let how = match &ended.ending {
        Ending::Returned(Outcome::Delivered { .. }) => return "delivered".to_owned(),
        Ending::Returned(Outcome::Declined { by: Some(_) }) => return "declined".to_owned(),
        Ending::Returned(Outcome::Declined { by: None }) => {
            return "not approved in time".to_owned();
        }
        Ending::Returned(Outcome::OutOfStock { .. }) => return "out of stock".to_owned(),
        Ending::Returned(Outcome::CardDeclined { .. }) => return "card declined".to_owned(),
        Ending::WrittenOff => return "killed and written off".to_owned(),
        Ending::NotTaken => "not taken",
        Ending::Cancelled => "cancelled",
        Ending::TimedOut => "out of time",
    };
    let when = match (ended.went(), &ended.payment) {
        (Some(_), _) => "when shipped",
        (None, Some(Payment::Charged { .. })) => "and refunded",
        (None, _) => "before it was paid",
    };
    format!("{how} {when}")
}

/// Amounts of orders, by their names.
fn amounts(of: &[(i64, i64)]) -> Vec<(String, u64)> {
    of.iter().map(|(order, cents)| (numbered(order), cents.unsigned_abs())).collect()
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
