//! What a service answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// A status and a JSON body.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Reply {
    /// An answer.
    #[must_use]
    pub fn new(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_value(body).unwrap_or_default() }
    }

    /// A refusal, which says why in its `error`.
    #[must_use]
    pub fn refusal(status: StatusCode, why: &str) -> Self {
        Self { status, body: json!({ "error": why }) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// The service's own trouble: 500.
#[derive(Debug)]
pub struct Failure(sqlx::Error);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::warn!(error = %self.0, "the service could not do what it was asked");
        Reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
    }
}
