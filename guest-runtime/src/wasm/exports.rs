//! The exports of the component: what the host calls, as calls of the SDK and of the runtime.

use std::marker::PhantomData;
use std::panic::PanicHookInfo;

#[cfg(feature = "schema")]
use crate::component::WorkflowSchemas;
use crate::component::{Component, Manifest, StartError, Workflow};
use crate::runtime::Runtime;
use crate::types::{Event, NotTold, QueryAnswer, Request, Signal, StepFailure, Verdict};
use crate::wasm::bindings::exports::segno::workflow::guest;
#[cfg(feature = "schema")]
use crate::wasm::bindings::exports::segno::workflow::schemas;
use crate::wasm::bindings::segno::workflow::{log, types};
use crate::wasm::imports::Imports;
use crate::wasm::memory;

/// The exports of the component `C`.
pub struct Exported<C>(PhantomData<C>);

impl<C: Component> guest::Guest for Exported<C> {
    fn describe() -> guest::Manifest {
        let Manifest { sdk, workflows, steps } = C::manifest();
        let workflows = workflows.into_iter().map(guest::Workflow::from).collect();
        guest::Manifest { sdk, workflows, steps }
    }

    fn start(workflow: String, input: String) -> types::Verdict {
        std::panic::set_hook(Box::new(report_panic));
        Runtime::install(Imports);
        match C::start(&workflow, &input) {
            Ok(future) => Runtime::here(|runtime| runtime.start(future)).into(),
            Err(StartError::Refused(reason)) => types::Verdict::Refused(reason),
            Err(StartError::Unknown) => panic!("this component has no workflow `{workflow}`"),
        }
    }

    fn deliver(operation: Option<types::Operation>, event: types::Event) -> types::Verdict {
        Runtime::here(|runtime| runtime.deliver(operation, event.into())).into()
    }

    fn query(name: String, input: String) -> guest::Answer {
        if !Runtime::is_here() {
            return guest::Answer::Unknown(Vec::new());
        }
        match Runtime::here(|runtime| runtime.query(&name, &input)) {
            QueryAnswer::Answered(output) => guest::Answer::Answered(output),
            QueryAnswer::Unknown(names) => guest::Answer::Unknown(names),
            QueryAnswer::Refused(reason) => guest::Answer::Refused(reason),
        }
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
        C::schemas().into_iter().map(schemas::WorkflowSchemas::from).collect()
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

impl From<Workflow> for guest::Workflow {
    fn from(workflow: Workflow) -> Self {
        let Workflow { name, keep } = workflow;
        Self { name, keep }
    }
}

#[cfg(feature = "schema")]
impl From<WorkflowSchemas> for schemas::WorkflowSchemas {
    fn from(schemas: WorkflowSchemas) -> Self {
        let WorkflowSchemas { workflow, input, output } = schemas;
        Self { workflow, input, output }
    }
}

impl From<types::Event> for Event {
    fn from(event: types::Event) -> Self {
        match event {
            types::Event::StepCompleted(output) => Self::StepCompleted(output),
            types::Event::StepFailed(types::StepFailure { step, attempts, message, fatal }) => {
                Self::StepFailed(StepFailure { step, attempts, message, fatal })
            }
            types::Event::Slept => Self::Slept,
            types::Event::Requested(types::Request { number, method, url, headers, body }) => {
                Self::Requested(Request { number, method, url, headers, body })
            }
            types::Event::HookOpened => Self::HookOpened,
            types::Event::HookTaken(owner) => Self::HookTaken(owner),
            types::Event::Received(payload) => Self::Received(payload),
            types::Event::Signalled(types::Signal { number, name, payload }) => {
                Self::Signalled(Signal { number, name, payload })
            }
            types::Event::ChildCompleted(output) => Self::ChildCompleted(output),
            types::Event::ChildFailed(error) => Self::ChildFailed(error),
            types::Event::ChildCancelled => Self::ChildCancelled,
            types::Event::Told => Self::Told,
            types::Event::NotTold(why) => Self::NotTold(match why {
                types::Refusal::Ended => NotTold::Ended,
                types::Refusal::Full => NotTold::Full,
                types::Refusal::Stranger => NotTold::Stranger,
                types::Refusal::LeftOut => NotTold::LeftOut,
            }),
            types::Event::Cancelled(error) => Self::Cancelled(error),
        }
    }
}

impl From<Verdict> for types::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Waiting => Self::Waiting,
            Verdict::Completed(output) => Self::Completed(output),
            Verdict::Failed(failure) => Self::Failed(failure.into()),
            Verdict::Cancelled => Self::Cancelled,
        }
    }
}
