//! The bound on memory: linear memory and tables together. A guest that asks for more is stopped: told
//! no, it could go on in another way, and what it does would depend on the configuration of the host.

use segno_journal::BlockKind;
use wasmtime::ResourceLimiter;

use crate::sandbox::capacity::MAX_TABLE_ELEMENTS;
use crate::sandbox::state::State;

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.quota().memory;
        let others = self.memory().saturating_sub(current);
        match others.checked_add(desired).filter(|wanted| *wanted <= limit) {
            Some(wanted) => {
                self.set_memory(wanted);
                Ok(true)
            }
            None => {
                let message =
                    format!("the workflow wanted {desired} bytes of memory, but at most {limit} are allowed");
                Err(self.stop(BlockKind::Limit, message))
            }
        }
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("the host has no memory left for the workflow"))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired <= MAX_TABLE_ELEMENTS {
            return Ok(true);
        }
        let message = format!("the workflow wanted a table of {desired} functions");
        Err(self.stop(BlockKind::Limit, message))
    }
}
