//! What stands in a path or a query, parsed at the door.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use segno_journal::{JobId, RunId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

use crate::doors::duration::parse_duration;
use crate::doors::errors::chain;
use crate::doors::refusal::{Kind, Refusal};

/// How long one request may wait for the end of a run: below the idle time-outs of most proxies
/// times a few; who wants to wait longer asks again.
pub const MAX_WAIT: Duration = Duration::from_secs(300);

/// How many runs or turns a page has where the caller does not say: a screen or two.
const DEFAULT_PAGE: usize = 50;

/// How many runs or turns a page may have: enough to need few requests, little enough to be
/// answered at once.
const MAX_PAGE: usize = 1_000;

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

/// The job that a path names.
pub(super) struct JobPath(pub(super) JobId);

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Segment(segment) = Segment::from_request_parts(parts, state).await?;
        let job = segment.parse().map_err(|error| Refusal::new(&Kind::BAD_PATH, chain(&error)))?;
        Ok(Self(job))
    }
}

/// The run that a path names, and a name behind it.
pub(super) struct RunAndName(pub(super) RunId, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for RunAndName {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path((run, name)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::new(&Kind::BAD_PATH, chain(&rejection)))?;
        let run = run.parse().map_err(|error| Refusal::new(&Kind::BAD_PATH, chain(&error)))?;
        Ok(Self(run, name))
    }
}

/// What the parser said, with the name of the parameter where one is at fault.
fn what_is_wrong(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text).to_owned()
}

/// The size of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(usize);

impl Limit {
    /// How many.
    pub(super) const fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_PAGE)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit) if (1..=MAX_PAGE).contains(&limit) => Ok(Self(limit)),
            _ => Err(serde::de::Error::custom(format!("write a number from 1 to {MAX_PAGE}"))),
        }
    }
}

/// How long to wait for something.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitFor(Duration);

impl WaitFor {
    /// At most so long.
    pub(super) const fn get(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for WaitFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wait = parse_duration(&String::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)?;
        if wait > MAX_WAIT {
            let seconds = MAX_WAIT.as_secs();
            return Err(serde::de::Error::custom(format!(
                "at most {seconds}s can be waited for at once; ask again after it"
            )));
        }
        Ok(Self(wait))
    }
}

/// Whether something is wanted: the name of the parameter alone says so, too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flag(bool);

impl Flag {
    /// Whether it is.
    pub(super) const fn get(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*String::deserialize(deserializer)? {
            "" | "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            text => Err(serde::de::Error::custom(format!("`{text}` is neither true nor false"))),
        }
    }
}

/// The number of a turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turn(u64);

impl Turn {
    /// Which one.
    pub(super) const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_not_a_number| {
            serde::de::Error::custom(format!(
                "`{text}` is not the number of a turn, which are counted from 0"
            ))
        })
    }
}
