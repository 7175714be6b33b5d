//! What can be read: the CRM's contacts and the shop's products.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use demo_kit::reply::{Failure, Reply};
use serde::Deserialize;

use crate::upstream::audit::{contacts, products};
use crate::upstream::store::Store;

#[derive(Debug, Deserialize)]
struct Since {
    updated_since: Option<i64>,
}

/// `GET /contacts?updated_since=…`.
pub(super) fn crm() -> Router<Store> {
    Router::new().route("/contacts", get(list_contacts))
}

/// `GET /products`.
pub(super) fn shop() -> Router<Store> {
    Router::new().route("/products", get(list_products))
}

async fn list_contacts(
    State(store): State<Store>,
    Query(since): Query<Since>,
) -> Result<Reply, Failure> {
    let since = since.updated_since.unwrap_or(i64::MIN);
    Ok(Reply::new(StatusCode::OK, &contacts(&store, since).await?))
}

async fn list_products(State(store): State<Store>) -> Result<Reply, Failure> {
    Ok(Reply::new(StatusCode::OK, &products(&store, false).await?))
}
