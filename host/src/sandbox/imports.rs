//! What a guest may call: one import, one command.
//!
//! Each function pays, converts, records, and returns. None of them asks whether the turn is live or
//! replayed: that is decided by [`crate::sandbox::Tokens`] and by what the engine does with the
//! record.

use segno_journal::{
    BlockKind, Command, MAX_ATTRIBUTE_BYTES, MAX_CHUNK, MAX_CLEANUP_ERROR, MAX_COMPENSATION_NAME,
    MAX_HOOK_METADATA, MAX_HOOK_TOKEN, MAX_PUBLISHED_BYTES, MAX_QUERY_NAME, MAX_SIGNAL_NAME,
    MAX_STREAM_NAME, MAX_WORKFLOW_NAME, Op, StepOptions, Timestamp,
};

use crate::sandbox::bindings::segno::workflow::{
    attributes, child, cleanup, context, hook, image, inbox, log, query, signal, sleep, step,
    stream, types, webhook,
};
use crate::sandbox::caller::Caller;
use crate::sandbox::convert;

impl types::Host for Caller<'_> {}

impl step::Host for Caller<'_> {
    fn call(
        &mut self,
        name: String,
        input: String,
        options: step::Options,
    ) -> wasmtime::Result<u64> {
        let state = self.pays(name.len() + input.len())?;
        let step::Options { max_retries, retry_for_ms, timeout_ms } = options;
        let options = StepOptions { max_retries, retry_for_ms, timeout_ms };
        state.check_json(&input, || format!("the input of step `{name}`"))?;
        state.start_operation(Command::Step { name, input, options }).map(|op| op.0)
    }

    fn cancel(&mut self, step: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::CancelStep { step: Op(step) })
    }
}

impl sleep::Host for Caller<'_> {
    fn until(&mut self, moment: u64) -> wasmtime::Result<u64> {
        self.pays(0)?.start_operation(Command::Sleep { until: Timestamp(moment) }).map(|op| op.0)
    }

    fn cancel(&mut self, sleep: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::CancelSleep { sleep: Op(sleep) })
    }
}

impl webhook::Host for Caller<'_> {
    fn create(&mut self, answer: webhook::Answer) -> wasmtime::Result<webhook::Created> {
        let state = self.pays(convert::size_of_answer(&answer))?;
        let answer = match convert::answer(answer) {
            Ok(answer) => answer,
            Err(problem) => return Err(state.stop(BlockKind::Trap, problem)),
        };
        let (op, address) = state.open_webhook(answer)?;
        Ok(webhook::Created { operation: op.0, token: address.token, url: address.url })
    }
}

impl hook::Host for Caller<'_> {
    fn create(
        &mut self,
        token: Option<String>,
        metadata: Option<String>,
    ) -> wasmtime::Result<hook::Created> {
        let size = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let state = self.pays(size(&token) + size(&metadata))?;
        if let Some(token) = &token {
            state.check_word("the token of a hook", token, MAX_HOOK_TOKEN)?;
        }
        if let Some(metadata) = &metadata {
            state.check_size("the metadata of a hook", metadata.len(), MAX_HOOK_METADATA)?;
            state.check_json(metadata, || "the metadata of a hook".to_owned())?;
        }
        let (op, token) = state.open_hook(token, metadata)?;
        Ok(hook::Created { operation: op.0, token })
    }
}

impl signal::Host for Caller<'_> {
    fn open(&mut self, name: String) -> wasmtime::Result<u64> {
        let state = self.pays(name.len())?;
        state.check_word("the name of a signal", &name, MAX_SIGNAL_NAME)?;
        state.start_operation(Command::Signal { name }).map(|op| op.0)
    }
}

impl child::Host for Caller<'_> {
    fn spawn(
        &mut self,
        workflow: String,
        input: String,
        policy: child::ClosePolicy,
    ) -> wasmtime::Result<child::Spawned> {
        let state = self.pays(workflow.len() + input.len())?;
        state.check_word("the name of a workflow", &workflow, MAX_WORKFLOW_NAME)?;
        state.check_json(&input, || format!("the input of child `{workflow}`"))?;
        let (op, run) = state.spawn(workflow, input, convert::policy(policy))?;
        Ok(child::Spawned { operation: op.0, run: run.to_string() })
    }

    fn cancel(&mut self, child: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::CancelChild { child: Op(child) })
    }

    fn tell(&mut self, run: String, name: String, payload: String) -> wasmtime::Result<u64> {
        let state = self.pays(run.len() + name.len() + payload.len())?;
        state.check_word("the name of a signal", &name, MAX_SIGNAL_NAME)?;
        state.check_json(&payload, || format!("the payload of signal `{name}`"))?;
        match run.parse() {
            Ok(to) => state.start_operation(Command::Tell { to, name, payload }).map(|op| op.0),
            Err(error) => Err(state.stop(BlockKind::Trap, error.to_string())),
        }
    }
}

impl cleanup::Host for Caller<'_> {
    fn register(&mut self, name: String) -> wasmtime::Result<u64> {
        let state = self.pays(name.len())?;
        state.check_word("the name of a compensation", &name, MAX_COMPENSATION_NAME)?;
        state.start_operation(Command::Compensation { name }).map(|op| op.0)
    }

    fn keep(&mut self, compensation: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::Keep { compensation: Op(compensation) })
    }

    fn unwind(&mut self, error: Option<cleanup::Failure>) -> wasmtime::Result<()> {
        let error = error.map(|failure| failure.message);
        let state = self.pays(error.as_ref().map_or(0, String::len))?;
        state.record(Command::Unwind { error: error.map(beginning) })
    }

    fn begin(&mut self, compensation: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::Undo { compensation: Op(compensation) })
    }

    fn end(&mut self, compensation: u64, error: Option<String>) -> wasmtime::Result<()> {
        let state = self.pays(error.as_ref().map_or(0, String::len))?;
        let error = error.map(beginning);
        state.record(Command::Undone { compensation: Op(compensation), error })
    }

    fn shield(&mut self) -> wasmtime::Result<u64> {
        self.pays(0)?.start_operation(Command::Shield).map(|op| op.0)
    }

    fn unshield(&mut self, shield: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::Unshield { shield: Op(shield) })
    }
}

/// The beginning of an error because of which a run cleans up, or of that of a compensation.
fn beginning(mut error: String) -> String {
    error.truncate(error.floor_char_boundary(MAX_CLEANUP_ERROR));
    error
}

impl query::Host for Caller<'_> {
    fn publish(&mut self, name: String, value: String) -> wasmtime::Result<()> {
        let state = self.pays(name.len() + value.len())?;
        state.check_word("the name of what is published", &name, MAX_QUERY_NAME)?;
        state.check_size("what is published", value.len(), MAX_PUBLISHED_BYTES)?;
        state.check_json(&value, || format!("what is published as `{name}`"))?;
        state.record(Command::Publish { name, value })
    }
}

impl attributes::Host for Caller<'_> {
    fn set(&mut self, name: String, value: attributes::Value) -> wasmtime::Result<()> {
        let size = convert::size_of_attribute(&value);
        let state = self.pays(name.len() + size)?;
        state.check_attribute_name(&name)?;
        state.check_size("the value of an attribute", size, MAX_ATTRIBUTE_BYTES)?;
        match convert::attribute(value) {
            Ok(value) => state.record(Command::SetAttribute { name, value }),
            Err(problem) => Err(state.stop(BlockKind::Trap, problem)),
        }
    }

    fn remove(&mut self, name: String) -> wasmtime::Result<()> {
        let state = self.pays(name.len())?;
        state.check_attribute_name(&name)?;
        state.record(Command::RemoveAttribute { name })
    }
}

impl stream::Host for Caller<'_> {
    fn write(&mut self, stream: String, chunk: Vec<u8>) -> wasmtime::Result<()> {
        let state = self.pays(stream.len() + chunk.len())?;
        state.check_word("the name of a stream", &stream, MAX_STREAM_NAME)?;
        state.check_size("a chunk of a stream", chunk.len(), MAX_CHUNK)?;
        state.record(Command::Write { stream, chunk })
    }

    fn close(&mut self, stream: String) -> wasmtime::Result<()> {
        let state = self.pays(stream.len())?;
        state.check_word("the name of a stream", &stream, MAX_STREAM_NAME)?;
        state.record(Command::CloseStream { stream })
    }
}

impl inbox::Host for Caller<'_> {
    fn take(&mut self, inbox: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::Take { inbox: Op(inbox) })
    }

    fn respond(&mut self, request: u64, response: inbox::Response) -> wasmtime::Result<()> {
        let state = self.pays(convert::size_of_response(&response))?;
        match convert::response(response) {
            Ok(response) => state.record(Command::Respond { request, response }),
            Err(problem) => Err(state.stop(BlockKind::Trap, problem)),
        }
    }

    fn close(&mut self, inbox: u64) -> wasmtime::Result<()> {
        self.pays(0)?.record(Command::Dispose { inbox: Op(inbox) })
    }
}

impl log::Host for Caller<'_> {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.pays(message.len())?.write_log(convert::level(level), message);
        Ok(())
    }

    fn panicked(&mut self, message: String) -> wasmtime::Result<()> {
        self.pays(message.len())?.panicked(message);
        Ok(())
    }
}

impl context::Host for Caller<'_> {
    fn run(&mut self) -> wasmtime::Result<context::RunInfo> {
        let facts = &self.pays(0)?.facts;
        Ok(context::RunInfo {
            id: facts.run.to_string(),
            workflow: facts.workflow.clone(),
            started_at: facts.started_at.0,
            parent: facts.parent.map(|parent| parent.to_string()),
        })
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.pays(0)?.now().0)
    }

    fn random(&mut self) -> wasmtime::Result<u64> {
        Ok(self.pays(0)?.random())
    }
}

impl image::Host for Caller<'_> {
    // The bytes are not paid for: a memory may be larger than what a turn may pass, and is passed once.
    fn save(&mut self, memory: Vec<u8>) -> wasmtime::Result<()> {
        self.pays(0)?.save(memory)
    }

    fn load(&mut self) -> wasmtime::Result<Vec<u8>> {
        self.pays(0)?.load()
    }
}
