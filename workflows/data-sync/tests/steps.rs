//! Each step against the upstream and a database, without a host.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::LazyLock;

use data_sync::batch_sync::steps::{fetch_pending_records, sync_record};
use data_sync::crm_poll::steps::{fetch_updated_contacts, upsert_contacts};
use data_sync::idempotent_write::{Bill, Invoice};
use data_sync::reconcile::steps::{
    archive_products, fetch_local_products, fetch_remote_products, upsert_products,
};
use data_sync::upstream::{Options, Sizes, Upstream};
use data_sync::webhook_sync::Change;
use data_sync::webhook_sync::steps::{process_change, register_webhook};
use data_sync::{db, http};
use demo_kit::attempts::{self, Attempt};
use segno::StepError;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const SIZES: Sizes = Sizes { contacts: 50, orders: 10, products: 10, records: 100 };

/// The steps of a process share their database and their upstream, so the tests do as well; each
/// keeps to steps of its own.
struct World {
    runtime: Runtime,
    upstream: Upstream,
    _directory: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let upstream = runtime.block_on(async {
        let url = db::sqlite_url(&directory.path().join("data-sync.db"));
        db::set(db::Database::open(&url).await.unwrap()).unwrap();
        let file = directory.path().join("upstream.db");
        let options = Options { file, port: 0, seed: 3, fault_rate: 0.0, pace: 0.0, sizes: SIZES };
        let upstream = Upstream::start(options).await.unwrap();
        http::set_base(upstream.url());
        upstream
    });
    World { runtime, upstream, _directory: directory }
});

/// Makes one attempt of a step, as a host does.
async fn attempt(
    step: &str,
    operation: u64,
    number: u32,
    input: serde_json::Value,
) -> Result<String, StepError> {
    attempts::attempt(&data_sync::steps(), step, Attempt { operation, number }, input).await
}

#[test]
fn contacts_are_fetched_from_a_moment_on_and_written() {
    WORLD.runtime.block_on(async {
        let all = fetch_updated_contacts(0).await.unwrap();
        assert_eq!(all.len(), 50);
        let last = fetch_updated_contacts(all[49].updated_at).await.unwrap();
        assert_eq!(last, all[49..]);
        upsert_contacts(all.clone()).await.unwrap();
        assert_eq!(db::get().await.unwrap().contacts().await.unwrap(), all);
    });
}

#[test]
fn records_are_sent_and_one_that_is_refused_fails_for_good_with_the_reason() {
    WORLD.runtime.block_on(async {
        let records = fetch_pending_records().await.unwrap();
        assert_eq!(records.len(), 100);
        // Outside a host all calls have the same step ID, so each goes through a context of its own.
        let sent = attempt("sync_record", 1, 1, json!({ "record": records[0] })).await;
        assert_eq!(sent.unwrap(), "null");
        let refused =
            attempt("sync_record", 2, 1, json!({ "record": records[99] })).await.unwrap_err();
        assert!(refused.is_fatal());
        assert!(refused.message().ends_with(": the record has no data"), "{refused}");
        let (received, _) = WORLD.upstream.store().received().await.unwrap();
        assert_eq!(received.get(&records[0].id), Some(&records[0].data));
    });
}

#[test]
fn a_record_that_is_sent_at_a_second_attempt_takes_effect_once() {
    WORLD.runtime.block_on(async {
        let record = fetch_pending_records().await.unwrap().swap_remove(50);
        for number in 1..=2 {
            attempt("sync_record", 3, number, json!({ "record": record })).await.unwrap();
        }
        let (received, twice) = WORLD.upstream.store().received().await.unwrap();
        assert!(received.contains_key(&record.id));
        assert_eq!(twice, Vec::<String>::new());
    });
}

#[test]
fn a_sending_outside_a_host_works_as_well() {
    WORLD.runtime.block_on(async {
        let record = fetch_pending_records().await.unwrap().swap_remove(10);
        sync_record(record).await.unwrap();
    });
}

#[test]
fn an_invoice_is_the_same_at_each_attempt_and_another_for_another_operation() {
    WORLD.runtime.block_on(async {
        let bill = Bill { customer_id: "ada".to_owned(), amount_cents: 1250 };
        let input = json!({ "bill": bill });
        let mut invoices = Vec::<Invoice>::new();
        for (operation, number) in [(10, 1), (10, 2), (11, 1)] {
            let output = attempt("create_invoice", operation, number, input.clone()).await.unwrap();
            invoices.push(serde_json::from_str(&output).unwrap());
        }
        assert_eq!(invoices[0], invoices[1]);
        assert_ne!(invoices[0].id, invoices[2].id);
        assert_eq!((invoices[0].customer_id.as_str(), invoices[0].amount_cents), ("ada", 1250));
    });
}

#[test]
fn a_change_is_processed_once() {
    WORLD.runtime.block_on(async {
        let change = Change {
            delivery_id: "delivery-1".to_owned(),
            r#type: "order.updated".to_owned(),
            record_id: "order-1".to_owned(),
            updated_at: 5,
            data: json!({ "state": "paid" }),
        };
        process_change(change.clone()).await.unwrap();
        process_change(change).await.unwrap();
        let db = db::get().await.unwrap();
        assert_eq!(db.processed_notifications().await.unwrap(), ["delivery-1"]);
        assert_eq!(db.orders().await.unwrap()["order-1"], json!({ "state": "paid" }));
    });
}

#[test]
fn a_webhook_can_be_registered_twice() {
    WORLD.runtime.block_on(async {
        for _ in 0..2 {
            register_webhook("http://127.0.0.1:9/hook".to_owned()).await.unwrap();
        }
    });
}

#[test]
fn products_are_taken_over_and_archived() {
    WORLD.runtime.block_on(async {
        let remote = fetch_remote_products().await.unwrap();
        assert_eq!(remote.len(), 10);
        assert_eq!(fetch_local_products().await.unwrap(), []);
        upsert_products(remote.clone()).await.unwrap();
        assert_eq!(fetch_local_products().await.unwrap(), remote);
        archive_products(vec![remote[0].id.clone()]).await.unwrap();
        assert_eq!(fetch_local_products().await.unwrap(), remote[1..]);
    });
}
