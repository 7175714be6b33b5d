//! What the upstream's API answers, and how it remembers what it answered.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::upstream::store::Tx;

/// A status and a JSON body.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Value,
}

impl Reply {
    pub(super) fn new(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_value(body).unwrap_or_default() }
    }

    pub(super) fn refusal(status: StatusCode, why: &str) -> Self {
        Self { status, body: json!({ "error": why }) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// The upstream's own trouble: 500.
#[derive(Debug)]
pub(super) struct Failure(sqlx::Error);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::warn!(error = %self.0, "the upstream could not do what it was asked");
        Reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
    }
}

/// The request's `Idempotency-Key`, or the refusal to go on without one.
pub(super) fn key(headers: &HeaderMap) -> Result<String, Reply> {
    let key = headers.get("Idempotency-Key").and_then(|value| value.to_str().ok());
    match key {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Reply::refusal(StatusCode::BAD_REQUEST, "the header Idempotency-Key is missing")),
    }
}

/// What was answered to this key before, if it was used: the same answer again, or the refusal of a
/// different request under a used key.
pub(super) async fn known(
    transaction: &mut Tx,
    key: &str,
    request: &str,
) -> sqlx::Result<Option<Reply>> {
    let update =
        "UPDATE answers SET repeats = repeats + 1 WHERE key = $1 RETURNING request, status, body";
    let Some(row) = sqlx::query(update).bind(key).fetch_optional(&mut **transaction).await? else {
        return Ok(None);
    };
    if row.try_get::<&str, _>("request")? != request {
        let why = "this Idempotency-Key was used for a different request";
        return Ok(Some(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, why)));
    }
    let status = u16::try_from(row.try_get::<i64, _>("status")?).ok();
    let status =
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let body = serde_json::from_str(row.try_get("body")?).unwrap_or_default();
    Ok(Some(Reply { status, body }))
}

/// Remembers what is answered to this key, in the transaction of the effect itself.
pub(super) async fn remember(
    transaction: &mut Tx,
    key: &str,
    request: &str,
    reply: &Reply,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO answers (key, request, status, body) VALUES ($1, $2, $3, $4)")
        .bind(key)
        .bind(request)
        .bind(i64::from(reply.status.as_u16()))
        .bind(reply.body.to_string())
        .execute(&mut **transaction)
        .await
        .map(drop)
}
