//! What an SDK says about a component: what is in it, and how a workflow of it begins.

use crate::task::WorkflowFuture;

/// A component, as an SDK makes it known.
///
/// Nothing of it need be known to the compiler: an SDK may find its workflows in a script that it
/// carries.
pub trait Component {
    /// What is in it. Called at deploy, on an instance of its own; asks for nothing.
    fn manifest() -> Manifest;

    /// Makes a workflow of this name, on an input in JSON, ready for its first poll. The run is
    /// already here, so this may ask for what a workflow may.
    ///
    /// # Errors
    ///
    /// There is no such workflow, or it cannot take this input.
    fn start(workflow: &str, input: &str) -> Result<WorkflowFuture, StartError>;

    /// What its workflows take and give.
    #[cfg(feature = "schema")]
    fn schemas() -> Vec<WorkflowSchemas>;
}

/// What a component holds, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Which SDK built it, for example `segno 0.1.0`.
    pub sdk: String,
    /// Its workflows.
    pub workflows: Vec<Workflow>,
    /// The names of the steps that it may call.
    pub steps: Vec<String>,
}

/// A workflow, as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// The name by which runs are started.
    pub name: String,
    /// How many of the last turns of a run are kept at least; without it, all.
    pub keep: Option<u64>,
}

/// Why a workflow does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The component has no workflow of this name. A host asks for none that the manifest does not
    /// list, so this is a bug and blocks the run.
    Unknown,
    /// The workflow cannot take its input, and this is why. Whoever starts it is told.
    Refused(String),
}

/// What one workflow takes and gives: JSON Schemas, draft 2020-12, as JSON, where there are any.
#[cfg(feature = "schema")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowSchemas {
    /// The name of the workflow.
    pub workflow: String,
    /// The schema of its input.
    pub input: Option<String>,
    /// The schema of its output.
    pub output: Option<String>,
}
