//! Compares both sides, by content.

use std::collections::BTreeMap;

use demo_kit::comparison::{Comparison, Row};

use crate::batch_sync::Report;
use crate::db::Database;
use crate::demo::runs::Results;
use crate::idempotent_write::Bill;
use crate::upstream::{Invoice, Store};

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
        remarks: remarks(sent.repeated, there.repeats().await?, &refused),
    })
}

/// What the runs had to cope with.
fn remarks(deliveries: u64, requests: i64, refused: &BTreeMap<String, String>) -> Vec<String> {
    let again =
        format!("came again and took effect once: {deliveries} notifications, {requests} requests");
    let mut reasons = BTreeMap::<_, Vec<_>>::new();
    for (id, why) in refused {
        reasons.entry(why).or_default().push(id.as_str());
    }
    let reasons =
        reasons.iter().map(|(why, ids)| format!("refused for good, {why}: {}", ids.join(", ")));
    std::iter::once(again).chain(reasons).collect()
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
    let there = invoices
        .iter()
        .map(|invoice| (invoice.customer_id.clone(), invoice.amount_cents))
        .collect();
    Row::of_each_once("invoices", there, &here, "was billed more than once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_sync::Failed;

    fn named(row: &Row) -> Vec<String> {
        row.differences.iter().map(ToString::to_string).collect()
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
