//! The imports of the component, as the runtime sees them.

use crate::host::Host;
use crate::types::{
    Answer, AttributeValue, ClosePolicy, CreatedHook, CreatedWebhook, Failure, Level, Operation,
    Response, RunInfo, Spawned, StepOptions,
};
use crate::wasm::bindings::segno::workflow::{
    attributes, child, cleanup, context, hook, inbox, log, query, signal, sleep, step, stream,
    types, webhook,
};

/// Whoever hosts the component.
pub(crate) struct Imports;

impl Host for Imports {
    fn call_step(&self, name: &str, input: &str, options: StepOptions) -> Operation {
        let StepOptions { max_retries, retry_for_ms, timeout_ms } = options;
        step::call(name, input, step::Options { max_retries, retry_for_ms, timeout_ms })
    }

    fn cancel_step(&self, step: Operation) {
        step::cancel(step);
    }

    fn sleep_until(&self, moment: u64) -> Operation {
        sleep::until(moment)
    }

    fn cancel_sleep(&self, sleep: Operation) {
        sleep::cancel(sleep);
    }

    fn create_webhook(&self, answer: Answer) -> CreatedWebhook {
        let answer = match answer {
            Answer::Accepted => webhook::Answer::Accepted,
            Answer::Fixed(response) => webhook::Answer::Fixed(response.into()),
            Answer::Manual => webhook::Answer::Manual,
        };
        let webhook::Created { operation, token, url } = webhook::create(&answer);
        CreatedWebhook { operation, token, url }
    }

    fn create_hook(&self, token: Option<&str>, metadata: Option<&str>) -> CreatedHook {
        let hook::Created { operation, token } = hook::create(token, metadata);
        CreatedHook { operation, token }
    }

    fn open_signal(&self, name: &str) -> Operation {
        signal::open(name)
    }

    fn spawn(&self, workflow: &str, input: &str, policy: ClosePolicy) -> Spawned {
        let policy = match policy {
            ClosePolicy::Cancel => child::ClosePolicy::Cancel,
            ClosePolicy::Leave => child::ClosePolicy::Leave,
        };
        let child::Spawned { operation, run } = child::spawn(workflow, input, policy);
        Spawned { operation, run }
    }

    fn cancel_child(&self, child: Operation) {
        child::cancel(child);
    }

    fn tell(&self, run: &str, name: &str, payload: &str) -> Operation {
        child::tell(run, name, payload)
    }

    fn register(&self, name: &str) -> Operation {
        cleanup::register(name)
    }

    fn keep(&self, compensation: Operation) {
        cleanup::keep(compensation);
    }

    fn unwind(&self, error: Option<&Failure>) {
        let error = error.map(|error| types::Failure::from(error.clone()));
        cleanup::unwind(error.as_ref());
    }

    fn begin(&self, compensation: Operation) {
        cleanup::begin(compensation);
    }

    fn end(&self, compensation: Operation, error: Option<&str>) {
        cleanup::end(compensation, error);
    }

    fn shield(&self) -> Operation {
        cleanup::shield()
    }

    fn unshield(&self, shield: Operation) {
        cleanup::unshield(shield);
    }

    fn publish(&self, name: &str, value: &str) {
        query::publish(name, value);
    }

    fn set_attribute(&self, name: &str, value: &AttributeValue) {
        let value = match value {
            AttributeValue::Text(text) => attributes::Value::Text(text.clone()),
            AttributeValue::Number(number) => attributes::Value::Number(*number),
            AttributeValue::Boolean(value) => attributes::Value::Boolean(*value),
            AttributeValue::Time(at) => attributes::Value::Time(*at),
        };
        attributes::set(name, &value);
    }

    fn remove_attribute(&self, name: &str) {
        attributes::remove(name);
    }

    fn write(&self, stream: &str, chunk: &[u8]) {
        stream::write(stream, chunk);
    }

    fn close_stream(&self, stream: &str) {
        stream::close(stream);
    }

    fn take(&self, inbox: Operation) {
        inbox::take(inbox);
    }

    fn respond(&self, number: u64, response: Response) {
        inbox::respond(number, &response.into());
    }

    fn close(&self, inbox: Operation) {
        inbox::close(inbox);
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::write(level, message);
    }

    fn run(&self) -> RunInfo {
        let context::RunInfo { id, workflow, started_at, parent } = context::run();
        RunInfo { id, workflow, started_at, parent }
    }

    fn now(&self) -> u64 {
        context::now()
    }

    fn random(&self) -> u64 {
        context::random()
    }
}

impl From<Response> for types::Response {
    fn from(response: Response) -> Self {
        let Response { status, headers, body } = response;
        Self { status, headers, body }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { message, kind, place } = failure;
        Self { message, kind, place }
    }
}
