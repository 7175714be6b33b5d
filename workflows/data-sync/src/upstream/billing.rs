//! The billing API: one invoice for each `Idempotency-Key`, however often it is asked for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::upstream::reply::{Failure, Reply, key, known, remember};
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

async fn create(
    State(store): State<Store>,
    headers: HeaderMap,
    Json(wish): Json<Wish>,
) -> Result<Reply, Failure> {
    let key = match key(&headers) {
        Ok(key) => key,
        Err(refusal) => return Ok(refusal),
    };
    if wish.amount_cents <= 0 {
        return Ok(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, "the amount must be positive"));
    }
    let request = json!(wish).to_string();
    let mut transaction = store.begin().await?;
    let reply = match known(&mut transaction, &key, &request).await? {
        Some(reply) => reply,
        None => {
            let insert = "INSERT INTO invoices (key, customer_id, amount_cents) VALUES ($1, $2, $3) RETURNING number";
            let number: i64 = sqlx::query_scalar(insert)
                .bind(&key)
                .bind(&wish.customer_id)
                .bind(wish.amount_cents)
                .fetch_one(&mut *transaction)
                .await?;
            let invoice = json!({
                "id": format!("invoice-{number:05}"),
                "customer_id": wish.customer_id,
                "amount_cents": wish.amount_cents,
            });
            let reply = Reply::new(StatusCode::CREATED, &invoice);
            remember(&mut transaction, &key, &request, &reply).await?;
            reply
        }
    };
    transaction.commit().await?;
    Ok(reply)
}
