//! The carrier: one shipment for each `Idempotency-Key`, however often it is asked for.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use demo_kit::memory::Memory;
use demo_kit::once::Asked;
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

async fn book(Asked { wish: parcel, mut once }: Asked<Parcel>) -> Result<Reply, Failure> {
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
