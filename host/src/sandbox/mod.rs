//! The sandbox: the only home of wasmtime.
//!
//! A [`Module`] is a workflow component that was checked, compiled and asked what is in it. A
//! [`Guest`] is one instance of it: the live memory of one run. [`Guest::turn`] delivers one event
//! and says what the workflow asked for. Nothing here does I/O for a guest, knows a clock or a
//! store, or reaches the outside: a guest gets the time of the event, the run's own random numbers,
//! and nothing else.

mod caller;
mod capacity;
mod compiler;
mod convert;
mod error;
mod given;
mod guest;
mod image;
mod imports;
mod limits;
mod module;
mod schemas;
mod shape;
mod state;
mod ticker;
mod trap;
mod wasi;

use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig, Config, Engine};

pub use crate::sandbox::capacity::Capacity;
pub use crate::sandbox::compiler::{COMPILE, compile_alone};
pub use crate::sandbox::error::{ModuleError, NoGuest};
pub use crate::sandbox::given::{Facts, Quota, Tokens, WebhookAddress};
pub use crate::sandbox::guest::{Guest, Moment, Output};
pub use crate::sandbox::image::{Image, PackError};
pub use crate::sandbox::module::Module;
pub use crate::sandbox::schemas::{add_schemas, with_schemas};

use crate::sandbox::compiler::Compiler;

/// The world that guests and this host speak through. An image is of one version of it.
pub const ABI: &str = "segno:workflow@0.1.0";

/// What compiles components and runs guests. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    /// How many guests there is room for.
    places: usize,
    /// What compiles, if that is another process.
    compiler: Option<Compiler>,
}

impl Sandbox {
    /// A sandbox with room for guests, that keeps what it compiled in a directory, keyed by content and
    /// compiler.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be made, or the processor is none that wasmtime compiles for, or there is no thread
    /// to count the time of guests.
    pub fn new(cache: Option<&Path>, capacity: Capacity) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            // Everything that may differ between two processors is off or made the same, so that a
            // run can move from one machine to another.
            .cranelift_nan_canonicalization(true)
            .wasm_relaxed_simd(false)
            // No toolchain gives a workflow more than one memory of 32 bits; what is off need not be
            // bounded.
            .wasm_memory64(false)
            .wasm_multi_memory(false)
            .wasm_component_model(true)
            .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
        if let Some(directory) = cache {
            let mut cache = CacheConfig::new();
            cache.with_directory(directory);
            config.cache(Some(Cache::new(cache)?));
        }
        let (engine, places) = capacity.engine(&mut config)?;
        ticker::start(&engine)?;
        Ok(Self { engine, places, compiler: None })
    }

    /// The same, that has components compiled by this program in a process of its own, which may use so
    /// much and no more. The program is one whose `main` is [`crate::main`]. The cache and the memory of
    /// one guest are those of this sandbox.
    #[must_use]
    pub fn compiled_by(self, program: PathBuf, cache: &Path, capacity: Capacity) -> Self {
        Self { compiler: Some(Compiler::new(program, cache, capacity.memory)), ..self }
    }

    /// How many guests there is room for: as many as were asked for, if the address space holds them.
    #[must_use]
    pub const fn places(&self) -> usize {
        self.places
    }
}
