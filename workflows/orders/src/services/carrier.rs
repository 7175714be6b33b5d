//! The carrier: one shipment for each `Idempotency-Key`, however often it is asked for, until it is recalled.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use demo_kit::memory::{Memory, Tx};
use demo_kit::once::Asked;
use demo_kit::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};

use crate::carrier::Shipment;
use crate::model::Address;

/// How long a parcel is on its way.
const TRANSIT: &str = "2 days";

/// A city to which the carrier does not go.
pub const LOST_CITY: &str = "Atlantis";

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    order: i64,
    address: Address,
}

#[derive(Debug, Serialize, Deserialize)]
struct Recall {
    order: i64,
}

/// `POST /shipments` and `POST /recalls`.
pub(super) fn router() -> Router<Memory> {
    Router::new().route("/shipments", post(book)).route("/recalls", post(recall))
}

async fn book(Asked { wish: parcel, mut once }: Asked<Parcel>) -> Result<Reply, Failure> {
    let reply = if is_recalled(&mut once.transaction, parcel.order).await? {
        Reply::refusal(StatusCode::CONFLICT, "the order wants it no more")
    } else if parcel.address.city == LOST_CITY {
        refuse(&mut once.transaction, &parcel).await?
    } else {
        take(&mut once.transaction, &parcel).await?
    };
    Ok(once.end(reply).await?)
}

async fn refuse(transaction: &mut Tx, parcel: &Parcel) -> sqlx::Result<Reply> {
    sqlx::query("INSERT INTO refusals (order_number) VALUES ($1)")
        .bind(parcel.order)
        .execute(&mut **transaction)
        .await?;
    Ok(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, "nobody goes there"))
}

async fn take(transaction: &mut Tx, parcel: &Parcel) -> sqlx::Result<Reply> {
    let insert = "INSERT INTO shipments (order_number, street, city) VALUES ($1, $2, $3)
        RETURNING number";
    let number: i64 = sqlx::query_scalar(insert)
        .bind(parcel.order)
        .bind(&parcel.address.street)
        .bind(&parcel.address.city)
        .fetch_one(&mut **transaction)
        .await?;
    let tracking = format!("parcel-{number:05}");
    let shipment = Shipment { tracking, arrives_in: TRANSIT.to_owned() };
    Ok(Reply::new(StatusCode::CREATED, &shipment))
}

/// Brings back what it has of an order, which may be nothing, and takes nothing of it from now on.
async fn recall(Asked { wish, mut once }: Asked<Recall>) -> Result<Reply, Failure> {
    let recall = "INSERT INTO recalls (order_number) VALUES ($1) ON CONFLICT DO NOTHING";
    for change in [recall, "DELETE FROM shipments WHERE order_number = $1"] {
        sqlx::query(change).bind(wish.order).execute(&mut *once.transaction).await?;
    }
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}

/// Whether an order was recalled: what it asked for before, and comes now, is not taken.
async fn is_recalled(transaction: &mut Tx, order: i64) -> sqlx::Result<bool> {
    let any = "SELECT EXISTS (SELECT 1 FROM recalls WHERE order_number = $1)";
    sqlx::query_scalar(any).bind(order).fetch_one(&mut **transaction).await
}
