//! The component of a crate, from the lists that `export!` and `register!` write. Wasm alone.

use std::marker::PhantomData;

#[cfg(feature = "schema")]
use segno_guest_runtime::component::WorkflowSchemas;
use segno_guest_runtime::component::{Component, Manifest, StartError, Workflow};
use segno_guest_runtime::task::WorkflowFuture;

#[cfg(feature = "schema")]
use crate::schema::Schemas;
use crate::workflow::Listed;

/// What `export!` says about a component.
pub trait Exports {
    /// Its workflows.
    const WORKFLOWS: &'static [Listed];

    /// The steps that they may call.
    fn steps() -> Steps;
}

/// The names of the steps of a crate. Their bodies are native.
#[derive(Clone, Debug, Default)]
pub struct Steps(Vec<&'static str>);

impl Steps {
    /// No steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These steps and one more.
    #[must_use]
    pub fn with(mut self, name: &'static str) -> Self {
        self.0.push(name);
        self
    }

    /// Adds the steps of another crate.
    pub fn extend(&mut self, steps: Self) {
        self.0.extend(steps.0);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}

/// The component of the lists `E`.
pub struct Exported<E>(PhantomData<E>);

impl<E: Exports> Component for Exported<E> {
    fn manifest() -> Manifest {
        let workflows = E::WORKFLOWS
            .iter()
            .map(|listed| Workflow { name: listed.name.to_owned(), keep: listed.keep });
        Manifest {
            sdk: concat!("segno ", env!("CARGO_PKG_VERSION")).to_owned(),
            workflows: workflows.collect(),
            steps: E::steps().names().map(str::to_owned).collect(),
        }
    }

    fn start(workflow: &str, input: &str) -> Result<WorkflowFuture, StartError> {
        let listed = E::WORKFLOWS.iter().find(|listed| listed.name == workflow);
        let listed = listed.ok_or(StartError::Unknown)?;
        (listed.start)(input).map_err(StartError::Refused)
    }

    #[cfg(feature = "schema")]
    fn schemas() -> Vec<WorkflowSchemas> {
        let listed = E::WORKFLOWS.iter().map(|listed| {
            let Schemas { input, output } = (listed.schemas)();
            WorkflowSchemas { workflow: listed.name.to_owned(), input, output }
        });
        listed.collect()
    }
}
