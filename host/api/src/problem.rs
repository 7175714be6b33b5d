//! What a caller is told when a request is refused: RFC 9457 problem details.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was refused, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem, for programs: `urn:segno:problem:` and a word that never changes
    /// its meaning.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:segno:problem:unknown-run")]
    pub kind: Cow<'static, str>,
    /// Names the kind of problem, for people.
    #[schema(value_type = String, example = "no such run")]
    pub title: Cow<'static, str>,
    /// The HTTP status of the answer.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong with this request, and what to do, as a sentence.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// What the problem is about, as a path on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<Box<str>>,
    /// The run that the problem is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS")]
    pub run_id: Option<Box<str>>,
    /// The steps that this host lacks, where that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_steps: Option<Box<[String]>>,
}

impl Problem {
    /// The media type of problem details.
    pub const MEDIA_TYPE: &str = "application/problem+json";
}
