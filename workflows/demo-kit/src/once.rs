//! How a service does what it is asked for once, however often it is asked under one `Idempotency-Key`.

use axum::Json;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::memory::{Memory, Tx};
use crate::reply::{Failure, Reply};

/// What is asked for under a key that was not used before. Where there is an answer already, the handler
/// is not called: what was answered to this key before, or the refusal of a request without a key, or of
/// another one under a used key.
#[derive(Debug)]
pub struct Asked<T> {
    /// The body of the request.
    pub wish: T,
    /// How it is done once.
    pub once: Once,
}

/// How something is done once. What it does is done in `transaction`, and takes effect with its answer, at
/// the [`end`](Self::end); dropped before, nothing took effect.
#[derive(Debug)]
pub struct Once {
    /// Where the effect takes place.
    pub transaction: Tx,
    key: String,
    request: String,
}

impl<S, T> FromRequest<S> for Asked<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Serialize + Send,
    Memory: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let key = key(request.headers()).map_err(Reply::into_response)?;
        let path = request.uri().path().to_owned();
        let body = Json::from_request(request, state).await;
        let Json(wish) = body.map_err(|rejection| rejection.into_response())?;
        let wished = json!([path, wish]).to_string();
        let begun = Once::begin(&Memory::from_ref(state), key, wished).await;
        let begun = begun.map_err(|error| Failure::from(error).into_response())?;
        Ok(Self { wish, once: begun.map_err(Reply::into_response)? })
    }
}

impl Once {
    /// Begins, or gives the answer that there is already.
    async fn begin(
        memory: &Memory,
        key: String,
        request: String,
    ) -> sqlx::Result<Result<Self, Reply>> {
        let mut transaction = memory.begin().await?;
        match known(&mut transaction, &key, &request).await? {
            Some(reply) => {
                transaction.commit().await?;
                Ok(Err(reply))
            }
            None => Ok(Ok(Self { transaction, key, request })),
        }
    }

    /// Ends it: the effect takes place, and this is answered now and to each repetition.
    ///
    /// # Errors
    /// If the memory cannot be written; then nothing took effect.
    pub async fn end(mut self, reply: Reply) -> sqlx::Result<Reply> {
        sqlx::query("INSERT INTO answers (key, request, status, body) VALUES ($1, $2, $3, $4)")
            .bind(&self.key)
            .bind(&self.request)
            .bind(i64::from(reply.status.as_u16()))
            .bind(reply.body.to_string())
            .execute(&mut *self.transaction)
            .await?;
        self.transaction.commit().await?;
        Ok(reply)
    }

    /// Puts it off: what was done stays done, but nothing is answered for good. The same key can ask again.
    ///
    /// # Errors
    /// As [`Self::end`].
    pub async fn put_off(self, reply: Reply) -> sqlx::Result<Reply> {
        self.transaction.commit().await?;
        Ok(reply)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The request's `Idempotency-Key`, or the refusal to go on without one.
fn key(headers: &HeaderMap) -> Result<String, Reply> {
    let key = headers.get("Idempotency-Key").and_then(|value| value.to_str().ok());
    match key {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Reply::refusal(StatusCode::BAD_REQUEST, "the header Idempotency-Key is missing")),
    }
}

/// What was answered to this key before, if it was used.
async fn known(transaction: &mut Tx, key: &str, request: &str) -> sqlx::Result<Option<Reply>> {
    let update =
        "UPDATE answers SET repeats = repeats + 1 WHERE key = $1 RETURNING request, status, body";
    let row = sqlx::query(update).bind(key).fetch_optional(&mut **transaction).await?;
    row.map(|row| answered(&row, request)).transpose()
}

fn answered(row: &SqliteRow, request: &str) -> sqlx::Result<Reply> {
    if row.try_get::<&str, _>("request")? != request {
        let why = "this Idempotency-Key was used for a different request";
        return Ok(Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let status = u16::try_from(row.try_get::<i64, _>("status")?).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let body = serde_json::from_str(row.try_get("body")?).unwrap_or_default();
    Ok(Reply { status: status.unwrap_or(StatusCode::OK), body })
}
