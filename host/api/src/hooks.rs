//! Hooks: tokens that can be called.

use jiff::Timestamp;
use segno_journal::RunId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Json;

/// A hook that can be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HookView {
    /// What it is called by.
    pub token: String,
    /// The run that it belongs to.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// The number of the operation in its run.
    pub op: u64,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What the workflow says of it; `null` where it says nothing.
    #[schema(value_type = Value)]
    pub metadata: Option<Json>,
}

/// A page of hooks, in the order of their tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HookPage {
    /// The hooks.
    pub hooks: Vec<HookView>,
    /// What to pass as `cursor` for the next page, if there may be one: the last token of this one.
    pub next: Option<String>,
}
