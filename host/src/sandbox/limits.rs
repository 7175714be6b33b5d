//! The bound on memory: linear memory and tables together. A guest that asks for more is stopped: told
//! no, it could go on in another way, and what it does would depend on the configuration of the host.

use segno_journal::BlockKind;
use wasmtime::ResourceLimiter;

use crate::sandbox::capacity::{CORE_INSTANCES, MAX_TABLE_ELEMENTS, MEMORIES, TABLES};
use crate::sandbox::state::State;

/// The bytes of an element of a table: a pointer.
const ELEMENT: usize = size_of::<usize>();

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let others = self.linear_memory().saturating_sub(current);
        let wanted = others.saturating_add(desired);
        self.check_memory(wanted.saturating_add(self.table_memory()), desired)?;
        self.set_linear_memory(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("the host has no memory left for the workflow"))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS {
            let message = format!("the workflow wanted a table of {desired} functions");
            return Err(self.stop(BlockKind::Limit, message));
        }
        let others = self.table_memory().saturating_sub(current.saturating_mul(ELEMENT));
        let wanted = others.saturating_add(desired.saturating_mul(ELEMENT));
        self.check_memory(
            self.linear_memory().saturating_add(wanted),
            desired.saturating_mul(ELEMENT),
        )?;
        self.set_table_memory(wanted);
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

impl State {
    /// Stops a guest that would have more memory than it may, since it wanted so many bytes.
    fn check_memory(&mut self, together: usize, wanted: usize) -> wasmtime::Result<()> {
        let limit = self.quota().memory;
        if together <= limit {
            return Ok(());
        }
        let message = format!(
            "the workflow wanted {wanted} bytes of memory, but at most {limit} are allowed"
        );
        Err(self.stop(BlockKind::Limit, message))
    }
}
