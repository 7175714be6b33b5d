//! Room for guests that is reserved once.
//!
//! To make a guest, the system maps memory, and to drop it, unmaps it; both make all processors of
//! the host wait for each other, and took half of the time of a start. So the host reserves address
//! space for as many guests as it may have live, and a guest that is dropped leaves its place to the
//! next one: the pages that it has written are found and set back, without a system call for each.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How much address space one memory reserves at least. A guest that outgrows it is moved where no
/// place is reserved for it, which costs a copy; 4 GiB, the default, ends at some ten thousand guests.
const MEMORY_RESERVATION: u64 = 64 << 20;

/// How much address space all guests reserve together at most, in bytes: an eighth of what a process
/// has on the processors that are usual.
const ADDRESS_SPACE: u64 = 16 << 40;

/// What a place reserves besides the memory: wasmtime's guard pages behind it, and tables.
const BESIDES: u64 = 48 << 20;

/// How many functions a guest's table may hold: far more than any real component has.
pub(super) const MAX_TABLE_ELEMENTS: usize = 100_000;

/// How many linear memories a guest has: its own.
pub(super) const MEMORIES: u32 = 1;

/// How many tables a guest has: its own, one that its toolchain adds, and some to spare.
pub(super) const TABLES: u32 = 4;

/// How many core modules a component is made of: the workflow, what its toolchain puts around it, and
/// some to spare. Each may take a megabyte of the host besides its memory.
pub(super) const CORE_INSTANCES: u32 = 8;

/// How much of the memory of a dropped guest stays in place for the next one, in bytes: what a usual
/// guest has written, and no more than a live one is counted for, so that all places together keep no
/// more than the budget. What lies beyond is given back to the system.
const KEPT_MEMORY: usize = 48 << 10;

/// The same for a table.
const KEPT_TABLE: usize = 64 << 10;

/// How many guests a sandbox has room for.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// How many guests are live at once, at most.
    pub guests: usize,
    /// How much linear memory one may have, in bytes.
    pub memory: usize,
}

impl Default for Capacity {
    /// For guests that are made by hand.
    fn default() -> Self {
        Self { guests: 1_000, memory: 64 << 20 }
    }
}

impl Capacity {
    /// An engine with this room, and how many guests it has room for. Where the system cannot reserve it, or cannot say which pages a guest
    /// has written (Linux before 6.7, other systems), each guest gets memory of its own when it is
    /// made: slower, and otherwise the same.
    pub(super) fn engine(self, config: &mut Config) -> wasmtime::Result<(Engine, usize)> {
        let memory = MEMORY_RESERVATION.max(self.memory as u64);
        let places = (ADDRESS_SPACE / (memory + BESIDES)).min(self.guests as u64);
        if let (Ok(places), Ok(memory_bytes)) = (u32::try_from(places), usize::try_from(memory)) {
            config.memory_reservation(memory).allocation_strategy(pool(places, memory_bytes));
            match Engine::new(config) {
                Ok(engine) => return Ok((engine, places as usize)),
                Err(error) => tracing::debug!(%error, "no room for guests is reserved"),
            }
        }
        config.memory_reservation(MEMORY_RESERVATION);
        let engine = Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand))?;
        Ok((engine, self.guests))
    }
}

fn pool(places: u32, memory: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(places)
        .total_tables(places.saturating_mul(TABLES))
        .total_component_instances(places)
        // These take no room that is reserved.
        .total_core_instances(u32::MAX)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memory_size(memory)
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE)
        .pagemap_scan(Enabled::Yes);
    pool
}
