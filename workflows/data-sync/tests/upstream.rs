//! The upstream: keys are honoured, faults and records come from the seed, nothing acknowledged is lost.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use data_sync::http::client;
use data_sync::upstream::{Options, Sizes, Upstream};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const SIZES: Sizes = Sizes { contacts: 20, orders: 10, products: 10, records: 100 };

fn options(directory: &Path) -> Options {
    let file = directory.join("upstream.db");
    Options { file, port: 0, seed: 7, fault_rate: 0.0, pace: 0.0, sizes: SIZES }
}

async fn bill(upstream: &Upstream, key: &str, customer: &str) -> reqwest::Result<Response> {
    client()
        .post(format!("{}/billing/invoices", upstream.url()))
        .header("Idempotency-Key", key)
        .json(&json!({ "customer_id": customer, "amount_cents": 995 }))
        .send()
        .await
}

#[tokio::test]
async fn the_same_key_gives_the_same_invoice_even_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    let first: Value = bill(&upstream, "k1", "ada").await.unwrap().json().await.unwrap();
    let again: Value = bill(&upstream, "k1", "ada").await.unwrap().json().await.unwrap();
    assert_eq!(first, again);
    upstream.shutdown().await;

    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    let after: Value = bill(&upstream, "k1", "ada").await.unwrap().json().await.unwrap();
    assert_eq!(first, after);
    assert_eq!(upstream.store().invoices().await.unwrap().len(), 1);
    assert_eq!(upstream.store().repeats().await.unwrap(), 2);
}

#[tokio::test]
async fn a_different_request_under_a_used_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    bill(&upstream, "k1", "ada").await.unwrap();
    let other = bill(&upstream, "k1", "grace").await.unwrap();
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(upstream.store().invoices().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_request_without_a_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    let request = client().put(format!("{}/destination/records/r1", upstream.url()));
    let response = request.json(&json!({ "id": "r1", "data": "a desk" })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn whatever_goes_wrong_one_key_takes_effect_once() {
    let directory = tempfile::tempdir().unwrap();
    let rough = Options { fault_rate: 0.7, ..options(directory.path()) };
    let upstream = Upstream::start(rough).await.unwrap();
    for number in 0..20 {
        let key = format!("key-{number}");
        while !bill(&upstream, &key, &key)
            .await
            .is_ok_and(|response| response.status().is_success())
        {}
    }
    let invoices = upstream.store().invoices().await.unwrap();
    let customers: BTreeSet<_> = invoices.iter().map(|invoice| &invoice.customer_id).collect();
    assert_eq!((invoices.len(), customers.len()), (20, 20));
    let injected: BTreeMap<_, _> = upstream.faults().into_iter().collect();
    assert!(injected.contains_key("dropped after the effect"), "{injected:?}");
    assert!(
        upstream.store().repeats().await.unwrap() > 0,
        "an effect that took place was met again"
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_records() {
    let mut contents = Vec::new();
    for _ in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let upstream = Upstream::start(options(directory.path())).await.unwrap();
        let contacts = upstream.store().contacts().await.unwrap();
        let people: Vec<_> =
            contacts.into_iter().map(|one| (one.id, one.name, one.email)).collect();
        contents.push((people, upstream.store().pending().await.unwrap()));
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[0].0.len(), 20);
}

#[tokio::test]
async fn the_crm_lists_what_changed_since() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    let all = upstream.store().contacts().await.unwrap();
    let middle = all[10].updated_at;
    let url = format!("{}/crm/contacts?updated_since={middle}", upstream.url());
    let listed: Vec<Value> = client().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed.len(), 10, "the moment itself is included");
    assert_eq!(listed[0]["id"], json!(all[10].id));
}

#[tokio::test]
async fn a_record_without_data_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    for record in upstream.store().pending().await.unwrap() {
        let url = format!("{}/destination/records/{}", upstream.url(), record.id);
        client().put(url).header("Idempotency-Key", &record.id).json(&record).send().await.unwrap();
    }
    let refused = upstream.store().refused().await.unwrap();
    assert_eq!(
        refused,
        BTreeMap::from([("record-0100".to_owned(), "the record has no data".to_owned())])
    );
    let (received, twice) = upstream.store().received().await.unwrap();
    assert_eq!((received.len(), twice.len()), (99, 0));
}

/// A subscriber that answers 503 to the first delivery of each notification.
async fn subscriber() -> (String, UnboundedReceiver<String>) {
    type Seen = std::sync::Arc<(std::sync::Mutex<BTreeSet<String>>, UnboundedSender<String>)>;
    async fn receive(State(seen): State<Seen>, Json(change): Json<Value>) -> StatusCode {
        let id = change["delivery_id"].as_str().unwrap().to_owned();
        if seen.0.lock().unwrap().insert(id.clone()) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        seen.1.send(id).unwrap();
        StatusCode::OK
    }
    let (sender, receiver) = unbounded_channel();
    let seen: Seen = std::sync::Arc::new((std::sync::Mutex::default(), sender));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(receive)).with_state(seen);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, receiver)
}

async fn subscribe(upstream: &Upstream, url: &str) {
    let body = json!({ "url": url, "events": ["order.updated"] });
    let request = client().post(format!("{}/shop/webhooks", upstream.url())).json(&body);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn notifications_come_until_they_are_acknowledged_and_some_come_twice() {
    let directory = tempfile::tempdir().unwrap();
    let busy = Options { pace: 400.0, ..options(directory.path()) };
    let upstream = Upstream::start(busy).await.unwrap();
    let (url, mut received) = subscriber().await;
    subscribe(&upstream, &url).await;
    subscribe(&upstream, &url).await;
    let mut first = BTreeSet::new();
    let mut twice = BTreeSet::new();
    while twice.len() < 3 {
        let id = received.recv().await.unwrap();
        if !first.insert(id.clone()) {
            twice.insert(id);
        }
    }
    upstream.stop_changes();
    upstream.shutdown().await;

    // What was not acknowledged comes after the restart; then nothing is owed any more.
    let upstream = Upstream::start(options(directory.path())).await.unwrap();
    let mut sent = upstream.store().sent().await.unwrap();
    while sent.outstanding > 0 {
        tokio::task::yield_now().await;
        sent = upstream.store().sent().await.unwrap();
    }
    while let Ok(id) = received.try_recv() {
        first.insert(id);
    }
    assert_eq!(first.into_iter().collect::<Vec<_>>(), sent.deliveries);
    assert!(sent.repeated >= 3);
}
