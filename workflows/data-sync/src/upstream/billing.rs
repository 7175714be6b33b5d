//! The billing API: one invoice for each `Idempotency-Key`, however often it is asked for.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use demo_kit::once::Asked;
use demo_kit::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::upstream::store::Store;

#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    customer_id: String,
    amount_cents: i64,
}

/// `POST /invoices`.
pub(super) fn router() -> Router<Store> {
    Router::new().route("/invoices", post(create))
}

async fn create(Asked { wish, mut once }: Asked<Wish>) -> Result<Reply, Failure> {
    if wish.amount_cents <= 0 {
        return Ok(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, "the amount must be positive"));
    }
    let insert = "INSERT INTO invoices (key, customer_id, amount_cents) VALUES ($1, $2, $3) RETURNING number";
    let number: i64 = sqlx::query_scalar(insert)
        .bind(once.key().to_owned())
        .bind(&wish.customer_id)
        .bind(wish.amount_cents)
        .fetch_one(&mut *once.transaction)
        .await?;
    let invoice = json!({
        "id": format!("invoice-{number:05}"),
        "customer_id": wish.customer_id,
        "amount_cents": wish.amount_cents,
    });
    Ok(once.end(Reply::new(StatusCode::CREATED, &invoice)).await?)
}
