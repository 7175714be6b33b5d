//! The payment service: one charge, or one refund, for each `Idempotency-Key`, however often it is
//! asked for.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use demo_kit::memory::{Memory, Tx};
use demo_kit::once::Asked;
use demo_kit::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A card that is never charged.
pub const POOR_CARD: &str = "4000 0000 0000 0002";

/// A card whose refunds somebody has to look at: each is refused once, and made when it is asked for again.
pub const LOCKED_CARD: &str = "4000 0000 0000 5126";

/// Why such a refund is refused.
pub const LOCKED: &str = "somebody has to look at this card";

#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    order: i64,
    card: String,
    cents: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Return {
    order: i64,
}

/// `POST /charges`, `POST /refunds` and `POST /settlements`.
pub(super) fn router() -> Router<Memory> {
    Router::new()
        .route("/charges", post(charge))
        .route("/refunds", post(refund))
        .route("/settlements", post(settle))
}

async fn charge(Asked { wish, mut once }: Asked<Wish>) -> Result<Reply, Failure> {
    let reply = if is_settled(&mut once.transaction, wish.order).await? {
        Reply::refusal(StatusCode::PAYMENT_REQUIRED, "the order is settled")
    } else if wish.card == POOR_CARD {
        decline(&mut once.transaction, &wish).await?
    } else {
        book(&mut once.transaction, &wish).await?
    };
    Ok(once.end(reply).await?)
}

async fn decline(transaction: &mut Tx, wish: &Wish) -> sqlx::Result<Reply> {
    sqlx::query("INSERT INTO declines (order_number) VALUES ($1)")
        .bind(wish.order)
        .execute(&mut **transaction)
        .await?;
    Ok(Reply::refusal(StatusCode::PAYMENT_REQUIRED, "the card has not so much"))
}

async fn book(transaction: &mut Tx, wish: &Wish) -> sqlx::Result<Reply> {
    let insert = "INSERT INTO charges (order_number, card, cents) VALUES ($1, $2, $3)
        RETURNING number";
    let number: i64 = sqlx::query_scalar(insert)
        .bind(wish.order)
        .bind(&wish.card)
        .bind(wish.cents)
        .fetch_one(&mut **transaction)
        .await?;
    let charge = json!({ "receipt": format!("receipt-{number:05}") });
    Ok(Reply::new(StatusCode::CREATED, &charge))
}

/// Gives back all that was charged for an order, which may be nothing.
async fn refund(Asked { wish, mut once }: Asked<Return>) -> Result<Reply, Failure> {
    let key = once.key().to_owned();
    let transaction = &mut once.transaction;
    if !is_settled(transaction, wish.order).await? {
        if is_locked(transaction, wish.order, &key).await? {
            let reply = Reply::refusal(StatusCode::LOCKED, LOCKED);
            return Ok(once.put_off(reply).await?);
        }
        let insert = "INSERT INTO refunds (order_number, cents)
            SELECT order_number, cents FROM charges WHERE order_number = $1";
        sqlx::query(insert).bind(wish.order).execute(&mut **transaction).await?;
    }
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}

/// Whether somebody has to look at an order before it is refunded. Who is told so looks, so it is true once.
async fn is_locked(transaction: &mut Tx, order: i64, key: &str) -> sqlx::Result<bool> {
    let lock = "INSERT INTO locks (order_number, key)
        SELECT order_number, $3 FROM charges WHERE order_number = $1 AND card = $2
        ON CONFLICT (order_number) DO NOTHING";
    let lock = sqlx::query(lock).bind(order).bind(LOCKED_CARD).bind(key);
    let is_new = lock.execute(&mut **transaction).await?.rows_affected() > 0;
    if !is_new {
        let other = "UPDATE locks SET others = others + 1 WHERE order_number = $1 AND key <> $2";
        sqlx::query(other).bind(order).bind(key).execute(&mut **transaction).await?;
    }
    Ok(is_new)
}

/// Gives back what was charged for an order and not given back, and charges nothing for it from now on.
async fn settle(Asked { wish, mut once }: Asked<Return>) -> Result<Reply, Failure> {
    let settle = "INSERT INTO settlements (order_number) VALUES ($1) ON CONFLICT DO NOTHING";
    sqlx::query(settle).bind(wish.order).execute(&mut *once.transaction).await?;
    let rest = "INSERT INTO refunds (order_number, cents)
        SELECT order_number, cents FROM charges WHERE order_number = $1
        AND NOT EXISTS (SELECT 1 FROM refunds WHERE order_number = $1)";
    sqlx::query(rest).bind(wish.order).execute(&mut *once.transaction).await?;
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}

/// Whether an order is settled: what was asked for before, and comes now, has no effect.
async fn is_settled(transaction: &mut Tx, order: i64) -> sqlx::Result<bool> {
    let any = "SELECT EXISTS (SELECT 1 FROM settlements WHERE order_number = $1)";
    sqlx::query_scalar(any).bind(order).fetch_one(&mut **transaction).await
}
