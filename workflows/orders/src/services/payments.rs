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

/// `POST /charges` and `POST /refunds`.
pub(super) fn router() -> Router<Memory> {
    Router::new().route("/charges", post(charge)).route("/refunds", post(refund))
}

async fn charge(Asked { wish, mut once }: Asked<Wish>) -> Result<Reply, Failure> {
    let reply = if wish.card == POOR_CARD {
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
    let insert = "INSERT INTO refunds (order_number, cents)
        SELECT order_number, cents FROM charges WHERE order_number = $1";
    sqlx::query(insert).bind(wish.order).execute(&mut *once.transaction).await?;
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}
