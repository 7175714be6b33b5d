//! The component: the exports that the host calls, and the imports as a [`Host`].
//!
//! This is the only home of the generated bindings. It converts and calls; what a run does is the
//! runtime's business.

mod imports;
mod memory;

use std::marker::PhantomData;
use std::panic::PanicHookInfo;

use crate::__private::Listed;
use crate::runtime::{Event, Runtime, Verdict};
use crate::wasm::bindings::exports::segno::workflow::guest;
#[cfg(feature = "schema")]
use crate::wasm::bindings::exports::segno::workflow::schemas;
use crate::wasm::bindings::segno::workflow::{log, types};
use crate::{Request, StepFailure};

pub use crate::wasm::bindings::export_guest;

macro_rules! bindings {
    ($world:tt) => {
        /// What is generated from the WIT world.
        #[expect(missing_docs, reason = "the WIT world has the documentation")]
        pub mod bindings {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                generate_all,
                pub_export_macro: true,
                export_macro_name: "export_guest",
                default_bindings_module: "::segno::__private::bindings",
            });
        }
    };
}

#[cfg(not(feature = "schema"))]
bindings!("workflow");

#[cfg(feature = "schema")]
bindings!("described");

/// What `export!` says about a component.
pub trait Component {
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

/// The exports of the component `C`.
pub struct Exported<C>(PhantomData<C>);

impl<C: Component> guest::Guest for Exported<C> {
    fn describe() -> guest::Manifest {
        let workflows = C::WORKFLOWS.iter().map(|workflow| guest::Workflow {
            name: workflow.name.to_owned(),
            keep: workflow.keep,
        });
        guest::Manifest {
            sdk: concat!("segno ", env!("CARGO_PKG_VERSION")).to_owned(),
            workflows: workflows.collect(),
            steps: C::steps().names().map(str::to_owned).collect(),
        }
    }

    fn start(workflow: String, input: String) -> types::Verdict {
        std::panic::set_hook(Box::new(report_panic));
        Runtime::install(imports::Imports);
        let listed = C::WORKFLOWS
            .iter()
            .find(|listed| listed.name == workflow)
            .unwrap_or_else(|| panic!("this component has no workflow `{workflow}`"));
        match (listed.start)(&input) {
            Ok(running) => Runtime::here(|runtime| runtime.start(running)).into(),
            Err(reason) => types::Verdict::Refused(reason),
        }
    }

    fn deliver(operation: types::Operation, event: types::Event) -> types::Verdict {
        Runtime::here(|runtime| runtime.deliver(operation, event.into())).into()
    }

    fn save() {
        memory::save();
    }

    fn load(pages: u64) {
        memory::load(pages);
    }
}

#[cfg(feature = "schema")]
impl<C: Component> schemas::Guest for Exported<C> {
    fn all() -> Vec<schemas::WorkflowSchemas> {
        std::panic::set_hook(Box::new(report_panic));
        let listed = C::WORKFLOWS.iter().map(|workflow| {
            let crate::schema::Schemas { input, output } = (workflow.schemas)();
            schemas::WorkflowSchemas { workflow: workflow.name.to_owned(), input, output }
        });
        listed.collect()
    }
}

/// Tells the host why the workflow is about to trap. Nothing is printed.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    match panic.location() {
        None => log::panicked(message),
        Some(location) => log::panicked(&format!("{message} (at {location})")),
    }
}

impl From<types::Event> for Event {
    fn from(event: types::Event) -> Self {
        match event {
            types::Event::StepCompleted(output) => Self::Completed(output),
            types::Event::StepFailed(types::StepFailure { step, attempts, message, fatal }) => {
                Self::Failed(StepFailure { step, attempts, message, fatal })
            }
            types::Event::Slept => Self::Slept,
            types::Event::Requested(types::Request { number, method, url, headers, body }) => {
                Self::Requested(Request { number, method, url, headers, body: body.into() })
            }
        }
    }
}

impl From<Verdict> for types::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Waiting => Self::Waiting,
            Verdict::Completed(output) => Self::Completed(output),
            Verdict::Failed(message) => Self::Failed(message),
        }
    }
}
