//! The carrier: one shipment for each `Idempotency-Key`, however often it is asked for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use demo_kit::memory::Memory;
use demo_kit::once::Once;
use demo_kit::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};

use crate::carrier::Shipment;
use crate::model::Address;

/// How long a parcel is on its way.
const TRANSIT: &str = "2 days";

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    order: i64,
    address: Address,
}

/// `POST /shipments`.
pub(super) fn router() -> Router<Memory> {
    Router::new().route("/shipments", post(book))
}

async fn book(
    State(memory): State<Memory>,
    headers: HeaderMap,
    Json(parcel): Json<Parcel>,
) -> Result<Reply, Failure> {
    let mut once = match Once::begin(&memory, &headers, &parcel).await? {
        Ok(once) => once,
        Err(known) => return Ok(known),
    };
    let insert = "INSERT INTO shipments (order_number, street, city) VALUES ($1, $2, $3)
        RETURNING number";
    let number: i64 = sqlx::query_scalar(insert)
        .bind(parcel.order)
        .bind(&parcel.address.street)
        .bind(&parcel.address.city)
        .fetch_one(&mut *once.transaction)
        .await?;
    let tracking = format!("parcel-{number:05}");
    let shipment = Shipment { tracking, arrives_in: TRANSIT.to_owned() };
    Ok(once.end(Reply::new(StatusCode::CREATED, &shipment)).await?)
}
