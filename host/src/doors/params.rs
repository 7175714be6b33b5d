//! What stands in a path or a query, parsed at the door.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use segno_journal::RunId;
use serde::de::DeserializeOwned;

use crate::doors::errors::chain;
use crate::doors::refusal::{Kind, Refusal};

/// The parameters of a query. Those that `T` does not know are refused if `T` says so.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(params) = Query::try_from_uri(&parts.uri)
            .map_err(|rejection| Refusal::new(&Kind::BAD_QUERY, what_is_wrong(&rejection)))?;
        Ok(Self(params))
    }
}

/// The one parameter of a path, percent-decoded.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(segment) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::new(&Kind::BAD_PATH, chain(&rejection)))?;
        Ok(Self(segment))
    }
}

/// The run that a path names.
pub(super) struct RunPath(pub(super) RunId);

impl<S: Send + Sync> FromRequestParts<S> for RunPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Segment(segment) = Segment::from_request_parts(parts, state).await?;
        let run = segment.parse().map_err(|error| Refusal::new(&Kind::BAD_PATH, chain(&error)))?;
        Ok(Self(run))
    }
}

/// What the parser said, with the name of the parameter where one is at fault.
fn what_is_wrong(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text).to_owned()
}
