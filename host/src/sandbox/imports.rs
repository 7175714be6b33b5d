//! What a guest may call: one import, one command.
//!
//! Each function converts, records, and returns. None of them asks whether the turn is live or
//! replayed: that is decided by [`crate::sandbox::Tokens`] and by what the engine does with the
//! record.

use segno_journal::{BlockKind, Command, StepOptions, Timestamp};

use crate::sandbox::convert;
use crate::sandbox::state::{ImageSlot, State};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "workflow",
    imports: { default: trappable },
});

use self::segno::workflow::{context, image, log, sleep, step, types, webhook};

impl types::Host for State {}

impl step::Host for State {
    fn call(&mut self, name: String, input: String, options: step::Options) -> wasmtime::Result<u64> {
        let options = StepOptions { max_retries: options.max_retries, timeout_ms: options.timeout_ms };
        if serde_json::from_str::<&serde_json::value::RawValue>(&input).is_err() {
            return Err(self.stop(BlockKind::Trap, format!("the input of step `{name}` is not JSON")));
        }
        self.start_operation(Command::Step { name, input, options }).map(|op| op.0)
    }
}

impl sleep::Host for State {
    fn until(&mut self, moment: u64) -> wasmtime::Result<u64> {
        self.start_operation(Command::Sleep { until: Timestamp(moment) }).map(|op| op.0)
    }

    fn cancel(&mut self, sleep: u64) -> wasmtime::Result<()> {
        self.record(Command::CancelSleep { sleep: segno_journal::Op(sleep) })
    }
}

impl webhook::Host for State {
    fn create(&mut self, answer: webhook::Answer) -> wasmtime::Result<webhook::Created> {
        let answer = match convert::answer(answer) {
            Ok(answer) => answer,
            Err(problem) => return Err(self.stop(BlockKind::Trap, problem)),
        };
        let (op, address) = self.open_webhook(answer)?;
        Ok(webhook::Created { operation: op.0, token: address.token, url: address.url })
    }

    fn take(&mut self, webhook: u64) -> wasmtime::Result<()> {
        self.record(Command::Take { webhook: segno_journal::Op(webhook) })
    }

    fn respond(&mut self, request: u64, response: webhook::Response) -> wasmtime::Result<()> {
        match convert::response(response) {
            Ok(response) => self.record(Command::Respond { request, response }),
            Err(problem) => Err(self.stop(BlockKind::Trap, problem)),
        }
    }

    fn dispose(&mut self, webhook: u64) -> wasmtime::Result<()> {
        self.record(Command::Dispose { webhook: segno_journal::Op(webhook) })
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.write_log(convert::level(level), message)
    }

    fn panicked(&mut self, message: String) -> wasmtime::Result<()> {
        self.panicked(message);
        Ok(())
    }
}

impl context::Host for State {
    fn run(&mut self) -> wasmtime::Result<context::RunInfo> {
        Ok(context::RunInfo {
            id: self.facts.run.to_string(),
            workflow: self.facts.workflow.clone(),
            started_at: self.facts.started_at.0,
        })
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(Self::now(self).0)
    }

    fn random(&mut self) -> wasmtime::Result<u64> {
        Ok(Self::random(self))
    }
}

impl image::Host for State {
    fn save(&mut self, memory: Vec<u8>) -> wasmtime::Result<()> {
        match &mut self.image {
            ImageSlot::Saving(slot) => {
                *slot = Some(memory);
                Ok(())
            }
            ImageSlot::Closed | ImageSlot::Loading(_) => {
                Err(self.stop(BlockKind::Trap, "the component saved its memory without being asked to"))
            }
        }
    }

    fn load(&mut self) -> wasmtime::Result<Vec<u8>> {
        match std::mem::replace(&mut self.image, ImageSlot::Closed) {
            ImageSlot::Loading(memory) => Ok(memory),
            ImageSlot::Closed | ImageSlot::Saving(_) => {
                Err(self.stop(BlockKind::Trap, "the component loaded its memory without being asked to"))
            }
        }
    }
}
