//! Change notifications: sent to all who subscribed, at least once, in no particular order.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use demo_kit::memory::Tx;
use demo_kit::reply::{Failure, Reply};
use futures::StreamExt as _;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::upstream::ids::{delivery_id, order_id};
use crate::upstream::store::{Store, now};

/// One in so many notifications is delivered twice on purpose.
const TWICE_ONE_IN: u32 = 8;

/// One in so many notifications is held back, so that later ones overtake it.
const LATE_ONE_IN: u32 = 5;

/// For how long it is held back at most, in milliseconds.
const LATE_BY: i64 = 800;

/// How many deliveries are under way at the same time.
const AT_ONCE: usize = 16;

/// How often the sender looks for notifications that are due.
const LOOK: Duration = Duration::from_millis(25);

/// How long a subscriber may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to deliver, in milliseconds.
const LONGEST_PAUSE: i64 = 2_000;

/// An order that has just changed.
pub(super) struct OrderChange {
    pub(super) number: i64,
    pub(super) time: i64,
    pub(super) data: Value,
}

#[derive(Debug, Deserialize)]
struct Subscription {
    url: String,
}

struct Due {
    number: i64,
    url: String,
    body: String,
    failures: i64,
}

/// `POST /webhooks`: from now on, changes are sent to this URL. Subscribing twice is subscribing once.
pub(super) fn router() -> Router<Store> {
    Router::new().route("/webhooks", post(subscribe))
}

async fn subscribe(
    State(store): State<Store>,
    Json(wish): Json<Subscription>,
) -> Result<Reply, Failure> {
    sqlx::query("INSERT INTO subscriptions (url) VALUES ($1) ON CONFLICT (url) DO NOTHING")
        .bind(&wish.url)
        .execute(store.pool())
        .await?;
    Ok(Reply::new(StatusCode::CREATED, &json!({ "url": wish.url })))
}

/// Puts a notification for each subscriber on the list, in the transaction of the change itself.
pub(super) async fn announce(
    transaction: &mut Tx,
    random: &mut ChaCha8Rng,
    change: OrderChange,
) -> sqlx::Result<()> {
    // Drawn even if nobody subscribed, so that the seed alone decides what changes.
    let owed = if random.random_ratio(1, TWICE_ONE_IN) { 2 } else { 1 };
    let late =
        if random.random_ratio(1, LATE_ONE_IN) { random.random_range(0..LATE_BY) } else { 0 };
    let urls: Vec<String> =
        sqlx::query_scalar("SELECT url FROM subscriptions").fetch_all(&mut **transaction).await?;
    for url in urls {
        let number: i64 =
            sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM notifications")
                .fetch_one(&mut **transaction)
                .await?;
        let body = json!({
            "delivery_id": delivery_id(number),
            "type": "order.updated",
            "record_id": order_id(change.number),
            "updated_at": change.time,
            "data": change.data,
        });
        let insert = "INSERT INTO notifications (number, url, order_id, body, owed, due_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(insert)
            .bind(number)
            .bind(url)
            .bind(order_id(change.number))
            .bind(body.to_string())
            .bind(owed)
            .bind(now() + late)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// Delivers what is due until it is dropped.
pub(super) async fn send(store: Store, client: Client) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // What is on the list stays there until it is acknowledged.
        if let Err(error) = send_due(&store, &client).await {
            tracing::warn!(%error, "the upstream could not read its notifications");
        }
    }
}

async fn send_due(store: &Store, client: &Client) -> sqlx::Result<()> {
    let select = "SELECT number, url, body, failures FROM notifications
        WHERE owed > 0 AND due_at <= $1 ORDER BY due_at LIMIT 128";
    let rows = sqlx::query(select).bind(now()).fetch_all(store.pool()).await?;
    let due = rows.iter().map(|row| {
        Ok(Due {
            number: row.try_get("number")?,
            url: row.try_get("url")?,
            body: row.try_get("body")?,
            failures: row.try_get("failures")?,
        })
    });
    let due: Vec<Due> = due.collect::<sqlx::Result<_>>()?;
    futures::stream::iter(due)
        .for_each_concurrent(AT_ONCE, |one| deliver(store, client, one))
        .await;
    Ok(())
}

async fn deliver(store: &Store, client: &Client, due: Due) {
    let request = client
        .post(&due.url)
        .header("Content-Type", "application/json")
        .timeout(PATIENCE)
        .body(due.body);
    let acknowledged = request.send().await.is_ok_and(|response| response.status().is_success());
    let written = if acknowledged {
        sqlx::query(
            "UPDATE notifications SET owed = owed - 1, deliveries = deliveries + 1, failures = 0,
                due_at = $2 WHERE number = $1",
        )
        .bind(due.number)
        .bind(now() + LATE_BY / 2)
    } else {
        sqlx::query(
            "UPDATE notifications SET failures = failures + 1, due_at = $2 WHERE number = $1",
        )
        .bind(due.number)
        .bind(now() + (100 << due.failures.min(5)).min(LONGEST_PAUSE))
    };
    // If this is lost, the notification is sent once more.
    if let Err(error) = written.execute(store.pool()).await {
        tracing::warn!(%error, "the upstream could not note a delivery");
    }
}
