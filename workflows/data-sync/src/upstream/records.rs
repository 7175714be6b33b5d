//! The records API, which has what is to be sent, and the destination, which receives it.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use demo_kit::memory::Tx;
use demo_kit::once::Asked;
use demo_kit::reply::{Failure, Reply};
use serde::Deserialize;
use serde_json::json;

use crate::batch_sync::Record;
use crate::upstream::audit::pending;
use crate::upstream::store::Store;

#[derive(Debug, Deserialize)]
struct Filter {
    status: String,
}

/// `GET /records?status=pending`.
pub(super) fn source() -> Router<Store> {
    Router::new().route("/records", get(list))
}

/// `PUT /records/{id}`.
pub(super) fn destination() -> Router<Store> {
    Router::new().route("/records/{id}", put(receive))
}

async fn list(State(store): State<Store>, Query(filter): Query<Filter>) -> Result<Reply, Failure> {
    if filter.status != "pending" {
        return Ok(Reply::refusal(StatusCode::BAD_REQUEST, "the status must be `pending`"));
    }
    Ok(Reply::new(StatusCode::OK, &pending(&store).await?))
}

async fn receive(
    Path(id): Path<String>,
    Asked { wish: record, mut once }: Asked<Record>,
) -> Result<Reply, Failure> {
    let reply = take(&mut once.transaction, &id, &record).await?;
    Ok(once.end(reply).await?)
}

async fn take(transaction: &mut Tx, id: &str, record: &Record) -> sqlx::Result<Reply> {
    if record.data.is_empty() {
        let why = "the record has no data";
        sqlx::query("INSERT INTO refused (id, reason) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(why)
            .execute(&mut **transaction)
            .await?;
        return Ok(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let insert = "INSERT INTO received (id, data) VALUES ($1, $2)
        ON CONFLICT (id) DO UPDATE SET data = excluded.data, writes = writes + 1";
    sqlx::query(insert).bind(id).bind(&record.data).execute(&mut **transaction).await?;
    Ok(Reply::new(StatusCode::OK, &json!({ "id": id })))
}
