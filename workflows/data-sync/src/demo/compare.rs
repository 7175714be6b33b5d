//! Compares both sides, by content.

use std::collections::BTreeMap;
use std::fmt;

use crate::batch_sync::Report;
use crate::db::Database;
use crate::demo::runs::Results;
use crate::idempotent_write::Bill;
use crate::upstream::{Invoice, Store};

/// What both sides have, kind by kind.
#[derive(Debug, Default)]
pub struct Comparison {
    /// One row for each kind of things.
    pub rows: Vec<Row>,
    /// The runs that cannot go on, and why.
    pub broken: Vec<String>,
    /// What went wrong on purpose since the last start, and how often.
    pub faults: Vec<(&'static str, u64)>,
    /// How many deliveries of notifications were repetitions.
    pub repeated_deliveries: u64,
    /// How many requests met an effect that had already taken place.
    pub repeated_requests: i64,
    /// What the destination refused for good, and why.
    pub refused: BTreeMap<String, String>,
}

impl Comparison {
    /// True if there is no difference and all runs can go on.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.broken.is_empty() && self.rows.iter().all(|row| row.differences.is_empty())
    }
}

/// One kind of things on both sides.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What is compared.
    pub what: &'static str,
    /// How many the other side has.
    pub there: usize,
    /// How many this side has.
    pub here: usize,
    /// How many are the same on both.
    pub same: usize,
    /// What is not, by name.
    pub differences: Vec<Disagreement>,
}

/// One thing on which both sides do not agree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// The name of the thing.
    pub id: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.id, self.what)
    }
}

impl Row {
    /// Compares things by ID and content.
    pub fn of<T: PartialEq>(
        what: &'static str,
        there: &BTreeMap<String, T>,
        here: &BTreeMap<String, T>,
    ) -> Self {
        let mut row =
            Self { what, there: there.len(), here: here.len(), same: 0, differences: Vec::new() };
        for (id, theirs) in there {
            match here.get(id) {
                Some(ours) if ours == theirs => row.same += 1,
                Some(_) => row.differ(id, "differs"),
                None => row.differ(id, "is only on the other side"),
            }
        }
        for id in here.keys().filter(|id| !there.contains_key(*id)) {
            row.differ(id, "is only on this side");
        }
        row
    }

    fn differ(&mut self, id: &str, what: &'static str) {
        self.differences.push(Disagreement { id: id.to_owned(), what });
    }
}

/// Reads both sides and compares them.
pub(super) async fn compare(
    there: &Store,
    here: &Database,
    runs: &Results,
) -> sqlx::Result<Comparison> {
    let report = runs.report.clone().unwrap_or_default();
    let refused = there.refused().await?;
    let sent = there.sent().await?;
    Ok(Comparison {
        rows: vec![
            Row::of(
                "contacts",
                &by_id(there.contacts().await?, |one| &one.id),
                &by_id(here.contacts().await?, |one| &one.id),
            ),
            records(there, &report, &refused).await?,
            refusals(&refused, &report),
            notifications(
                &sent.deliveries,
                sent.outstanding,
                here.processed_notifications().await?,
            ),
            Row::of("orders notified", &sent.orders, &here.orders().await?),
            Row::of(
                "products",
                &by_id(there.products().await?, |one| &one.id),
                &by_id(here.products().await?, |one| &one.id),
            ),
            archived(there, here).await?,
            invoices(&there.invoices().await?, &runs.bills),
        ],
        broken: runs.broken.clone(),
        faults: Vec::new(),
        repeated_deliveries: sent.repeated,
        repeated_requests: there.repeats().await?,
        refused,
    })
}

fn by_id<T>(things: Vec<T>, id: impl Fn(&T) -> &String) -> BTreeMap<String, T> {
    things.into_iter().map(|thing| (id(&thing).clone(), thing)).collect()
}

/// What the destination received, against what the run says it sent; none may be missing on both.
async fn records(
    there: &Store,
    report: &Report,
    refused: &BTreeMap<String, String>,
) -> sqlx::Result<Row> {
    let pending = by_id(there.pending().await?, |record| &record.id);
    let (received, twice) = there.received().await?;
    let sent = report.sent.iter().map(|id| {
        let data = pending.get(id).map(|record| record.data.clone());
        (id.clone(), data.unwrap_or_default())
    });
    let mut row = Row::of("records sent", &received, &sent.collect());
    for id in pending.keys().filter(|id| !received.contains_key(*id) && !refused.contains_key(*id))
    {
        row.differ(id, "was neither received nor refused");
    }
    for id in &twice {
        row.differ(id, "took effect more than once");
    }
    Ok(row)
}

/// What failed for good, as both sides name it. Ours is the whole message, with theirs at its end.
fn refusals(refused: &BTreeMap<String, String>, report: &Report) -> Row {
    let failed = report.failed.iter().map(|failed| {
        let theirs = refused.get(&failed.id).filter(|reason| failed.reason.ends_with(*reason));
        (failed.id.clone(), theirs.unwrap_or(&failed.reason).clone())
    });
    Row::of("records refused", refused, &failed.collect())
}

/// What was notified, against what was processed.
fn notifications(sent: &[String], outstanding: u64, processed: Vec<String>) -> Row {
    let there = sent.iter().map(|id| (id.clone(), ())).collect();
    let here = processed.into_iter().map(|id| (id, ())).collect();
    let mut row = Row::of("notifications", &there, &here);
    if outstanding > 0 {
        row.differ(&format!("{outstanding} of them"), "will be delivered again");
    }
    row
}

/// What is archived on this side must be gone from the other one. What came and went there unseen is
/// no difference.
async fn archived(there: &Store, here: &Database) -> sqlx::Result<Row> {
    let archived: BTreeMap<_, _> =
        here.archived_products().await?.into_iter().map(|product| (product.id, ())).collect();
    let removed = there.removed_products().await?.into_iter().map(|product| (product.id, ()));
    let seen = removed.filter(|(id, ())| archived.contains_key(id)).collect();
    Ok(Row::of("products gone", &seen, &archived))
}

/// What was billed, against what was to be billed.
fn invoices(invoices: &[Invoice], bills: &[Bill]) -> Row {
    let here = bills.iter().map(|bill| (bill.customer_id.clone(), bill.amount_cents)).collect();
    let mut there = BTreeMap::new();
    let mut twice = Vec::new();
    for invoice in invoices {
        if there.insert(invoice.customer_id.clone(), invoice.amount_cents).is_some() {
            twice.push(&invoice.customer_id);
        }
    }
    let mut row = Row::of("invoices", &there, &here);
    row.there = invoices.len();
    for customer in twice {
        row.differ(customer, "was billed more than once");
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_sync::Failed;

    fn map(entries: &[(&str, i64)]) -> BTreeMap<String, i64> {
        entries.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect()
    }

    fn named(row: &Row) -> Vec<String> {
        row.differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sides_that_agree_have_no_difference() {
        let row = Row::of("things", &map(&[("a", 1), ("b", 2)]), &map(&[("a", 1), ("b", 2)]));
        assert_eq!((row.there, row.here, row.same, row.differences.len()), (2, 2, 2, 0));
    }

    #[test]
    fn every_difference_is_named() {
        let row = Row::of("things", &map(&[("a", 1), ("b", 2)]), &map(&[("b", 3), ("c", 4)]));
        assert_eq!(
            named(&row),
            ["a is only on the other side", "b differs", "c is only on this side"]
        );
        assert_eq!(row.same, 0);
    }

    #[test]
    fn a_customer_who_was_billed_twice_is_named() {
        let invoice = |key: &str| Invoice {
            key: key.to_owned(),
            customer_id: "ada".to_owned(),
            amount_cents: 5,
        };
        let bill = Bill { customer_id: "ada".to_owned(), amount_cents: 5 };
        let row = invoices(&[invoice("k1"), invoice("k2")], &[bill]);
        assert_eq!(named(&row), ["ada was billed more than once"]);
        assert_eq!((row.there, row.here), (2, 1));
    }

    #[test]
    fn a_bill_without_an_invoice_is_named() {
        let bill = Bill { customer_id: "ada".to_owned(), amount_cents: 5 };
        assert_eq!(named(&invoices(&[], &[bill])), ["ada is only on this side"]);
    }

    #[test]
    fn a_refusal_agrees_if_both_sides_give_the_same_reason() {
        let refused = BTreeMap::from([("r1".to_owned(), "no data".to_owned())]);
        let report = |reason: &str| {
            let failed = vec![Failed { id: "r1".to_owned(), reason: reason.to_owned() }];
            Report { sent: Vec::new(), failed }
        };
        assert_eq!(
            named(&refusals(&refused, &report("it answered 422: no data"))),
            Vec::<String>::new()
        );
        assert_eq!(named(&refusals(&refused, &report("timed out"))), ["r1 differs"]);
    }

    #[test]
    fn a_notification_that_was_lost_or_is_still_due_is_named() {
        let row = notifications(&["d1".to_owned(), "d2".to_owned()], 1, vec!["d1".to_owned()]);
        assert_eq!(
            named(&row),
            ["d2 is only on the other side", "1 of them will be delivered again"]
        );
    }
}
