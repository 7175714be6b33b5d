//! Which runs a list shows, as its form and its links say it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use segno_api::{RunFilter, RunStatus};

use crate::doors::filter::of_pairs;
use crate::doors::params::{Limit, Params};
use crate::doors::refusal::Refusal;

/// What stands before the name of an attribute.
const ATTRIBUTE: &str = "attr";

/// The fields of the form that somebody may leave empty.
const FIELDS: [&str; 4] = ["workflow", ATTRIBUTE, "started_after", "started_before"];

/// Which runs are meant. A form sends all of its fields, also those that are empty: they say nothing.
pub(super) struct Wanted(pub(super) RunFilter);

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Params(pairs) =
            Params::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let is_of_the_form = |name: &str| FIELDS.contains(&name);
        let said =
            pairs.into_iter().filter(|(name, value)| !(value.is_empty() && is_of_the_form(name)));
        of_pairs(said.map(as_asked)).map(Self)
    }
}

/// A field of the form as the API takes it: `attr` has a name and a value in one.
fn as_asked((name, value): (String, String)) -> (String, String) {
    match value.split_once('=') {
        Some((of, value)) if name == ATTRIBUTE => {
            (format!("{ATTRIBUTE}.{}", of.trim()), value.to_owned())
        }
        _ => (name, value),
    }
}

/// The link to a list of what this filter means, behind this run if one is named.
pub(super) fn link(filter: &RunFilter, cursor: Option<&str>) -> String {
    let mut pairs = filter.parameters();
    if ![0, Limit::default().get()].contains(&filter.limit) {
        pairs.push(("limit".to_owned(), filter.limit.to_string()));
    }
    pairs.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.to_owned())));
    if pairs.is_empty() {
        return "/runs".to_owned();
    }
    path_and_query("/runs", pairs)
}

/// A path of this host with these parameters.
pub(super) fn path_and_query(path: &str, pairs: Vec<(String, String)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// What the form shows of a filter.
pub(super) struct Form {
    pub(super) workflow: String,
    /// Each status, and whether it is asked for.
    pub(super) statuses: Vec<(RunStatus, bool)>,
    /// The attributes, as `name=value`; an empty one behind them.
    pub(super) attributes: Vec<String>,
    pub(super) started_after: String,
    pub(super) started_before: String,
    pub(super) trouble: bool,
}

impl Form {
    pub(super) fn of(filter: &RunFilter) -> Self {
        let attributes = filter.attributes.iter().map(|it| format!("{}={}", it.name, it.text));
        let moment = |at: Option<jiff::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
        Self {
            workflow: filter.workflow.clone().unwrap_or_default(),
            statuses: RunStatus::ALL.map(|it| (it, filter.statuses.contains(&it))).into(),
            attributes: attributes.chain([String::new()]).collect(),
            started_after: moment(filter.started_after),
            started_before: moment(filter.started_before),
            trouble: filter.trouble,
        }
    }
}
