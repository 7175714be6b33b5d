//! Modules and their workflows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Json;

/// A module, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModuleView {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The names of its workflows.
    pub workflows: Vec<String>,
    /// The names of the steps that it may call.
    pub steps: Vec<String>,
    /// Of its workflows, those of which it starts the new runs.
    pub current_for: Vec<String>,
    /// How many runs that have not ended are on it.
    pub runs: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Which SDK built it.
    pub sdk: String,
    /// When it was first deployed.
    #[schema(value_type = String, format = DateTime)]
    pub deployed_at: Timestamp,
}

/// A workflow, as the module has it that starts its new runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowView {
    /// The name by which runs are started.
    pub name: String,
    /// The module: `sha256:` and 64 hexadecimal digits.
    pub module: String,
    /// How many of the last turns of a run are kept at least; all, where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
    /// The JSON Schema of what a run is started with, if the module has one. It is what the module says:
    /// whether an input fits is decided by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub input: Option<Json>,
    /// The JSON Schema of what a run returns, if the module has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub output: Option<Json>,
}

/// What a deploy did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The workflows whose new runs it now starts.
    pub workflows: Vec<String>,
    /// True if this very module was current for all of them before.
    pub unchanged: bool,
    /// What the deployer should know, for example a step that this host does not have.
    pub warnings: Vec<String>,
}

/// The modules that are kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ModuleList {
    /// One for each digest.
    pub modules: Vec<ModuleView>,
}
