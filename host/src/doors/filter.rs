//! Which runs a query means, parsed at the door.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use crate::doors::errors::chain;
use crate::doors::params::{Limit, Params};
use crate::doors::refusal::{Kind, Refusal};
use segno_api::RunFilter;

/// Which runs to list: those that a filter means, from where on, and how many.
pub(super) struct Filter(pub(super) RunFilter);

impl<S: Send + Sync> FromRequestParts<S> for Filter {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        of_pairs(pairs(parts, state).await?).map(Self)
    }
}

/// Which runs to list, by these parameters.
pub(super) fn of_pairs(
    pairs: impl IntoIterator<Item = (String, String)>,
) -> Result<RunFilter, Refusal> {
    let mut filter = RunFilter { limit: Limit::default().get(), ..RunFilter::default() };
    for (name, value) in pairs {
        match &*name {
            "limit" => filter.limit = limit(&value)?.get(),
            "cursor" => {
                let run = value.parse().map_err(|error| bad(&name, &chain(&error)))?;
                filter.before = Some(run);
            }
            _ => take(&mut filter, &name, &value)?,
        }
    }
    Ok(filter)
}

/// Which runs to count: those that a filter means.
pub(super) struct Counted(pub(super) RunFilter);

impl<S: Send + Sync> FromRequestParts<S> for Counted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let mut filter = RunFilter::default();
        for (name, value) in pairs(parts, state).await? {
            if name == "trouble" {
                return Err(bad(&name, &"what is in trouble can be listed, and is not counted"));
            }
            take(&mut filter, &name, &value)?;
        }
        Ok(Self(filter))
    }
}

async fn pairs<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Vec<(String, String)>, Refusal> {
    let Params(pairs) = Params::from_request_parts(parts, state).await?;
    Ok(pairs)
}

fn take(filter: &mut RunFilter, name: &str, value: &str) -> Result<(), Refusal> {
    match filter.take(name, value) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::new(
            &Kind::BAD_QUERY,
            format!(
                "unknown field `{name}`, expected one of `workflow`, `status`, `attr.NAME`, `started_after`, \
                 `started_before`; of a list also `trouble`, `limit`, `cursor`"
            ),
        )),
        Err(error) => Err(Refusal::new(&Kind::BAD_QUERY, error.0)),
    }
}

fn limit(value: &str) -> Result<Limit, Refusal> {
    let read = Limit::deserialize(value.into_deserializer());
    read.map_err(|error: ValueError| bad("limit", &error))
}

fn bad(name: &str, what: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(&Kind::BAD_QUERY, format!("{name}: {what}"))
}
