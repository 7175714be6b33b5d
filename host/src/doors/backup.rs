//! A backup, as a stream. It has everything: whoever may ask for one may read all that the host knows.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::doors::auth;
use crate::doors::refusal::Refusal;
use crate::doors::tokens::{Caller, Right};
use crate::engine::Engine;
use segno_api::Problem;

/// Makes a backup while the host goes on: one moment of its store.
///
/// `segno backup FILE` makes a store of the stream. One that was cut has no end, and the connection
/// breaks.
#[utoipa::path(
    post,
    path = "/v1/backup",
    operation_id = "backup",
    tag = "host",
    responses(
        (status = 200, description = "All rows of the store as they are now, in the form that `segno backup` reads",
         body = [u8], content_type = "application/octet-stream"),
        (status = 403, description = "The token does not have all rights", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "Another backup is under way", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn make(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    if let Some(problem) = Right::ALL.into_iter().find_map(|right| auth::refusal(&caller, right)) {
        return Err(problem);
    }
    let stream = engine.backup()?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(stream)).into_response())
}
