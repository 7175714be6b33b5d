//! What compiles components and runs guests, and how it is set.

use std::path::{Path, PathBuf};

use segno_api::{SHOWN, printable};
use segno_journal::Digest;
use sha2::Sha256;
use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::sandbox::bindings::{Workflow, WorkflowPre};
use crate::sandbox::caller::{Caller, Calls};
use crate::sandbox::capacity::Capacity;
use crate::sandbox::compiler::Compiler;
use crate::sandbox::error::ModuleError;
use crate::sandbox::module::Module;
use crate::sandbox::state::State;
use crate::sandbox::{shape, ticker, wasi};

/// What compiles components and runs guests. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pub(super) engine: Engine,
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

    /// Checks and compiles a component. One that was compiled before by the same version comes from
    /// the cache.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, ModuleError> {
        if let Some(compiler) = &self.compiler {
            check_header(wasm)?;
            shape::check(wasm)?;
            compiler.compile(wasm)?;
        }
        let component = self.component(wasm)?;
        let linker = self.linker(&component)?;
        check_exports(&component, &self.engine)?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(WorkflowPre::new)
            .map_err(|error| ModuleError::Mismatch { detail: format!("{error:#}") })?;
        Ok(Module::new(digest_of(wasm), pre))
    }

    /// What a component may import.
    pub(super) fn linker(&self, component: &Component) -> Result<Linker<State>, ModuleError> {
        let mut linker = Linker::new(&self.engine);
        wasi::add_to_linker(&mut linker, component, &self.engine)?;
        Workflow::add_to_linker::<_, Calls>(&mut linker, |state| Caller::new(state))
            .map_err(|error| ModuleError::Mismatch { detail: format!("{error:#}") })?;
        Ok(linker)
    }

    /// A component that is compiled here and now, or was before.
    pub(super) fn component(&self, wasm: &[u8]) -> Result<Component, ModuleError> {
        check_header(wasm)?;
        shape::check(wasm)?;
        Component::from_binary(&self.engine, wasm)
            .map_err(|error| ModuleError::Invalid { detail: error.root_cause().to_string() })
    }
}

fn digest_of(wasm: &[u8]) -> Digest {
    Digest::from_bytes(<Sha256 as sha2::Digest>::digest(wasm).into())
}

/// Tells what is no component at all from what is damaged.
fn check_header(wasm: &[u8]) -> Result<(), ModuleError> {
    /// The layer field of the header: 0 for core modules, 1 for components.
    const LAYER: usize = 6;
    if !wasm.starts_with(b"\0asm") {
        return Err(ModuleError::NotWasm);
    }
    match wasm.get(LAYER) {
        Some(0) => Err(ModuleError::CoreModule),
        Some(_) => Ok(()),
        None => Err(ModuleError::Invalid { detail: "it ends within its header".into() }),
    }
}

fn check_exports(component: &Component, engine: &wasmtime::Engine) -> Result<(), ModuleError> {
    const EXPORT: &str = "segno:workflow/guest@0.2.0";
    const OF_ANY_VERSION: &str = "segno:workflow/guest@";
    let component = component.component_type();
    let guest = component.exports(engine).map(|(name, _)| name);
    match guest.filter(|name| name.starts_with(OF_ANY_VERSION)).last() {
        Some(EXPORT) => Ok(()),
        Some(other) => {
            let other = printable(other, SHOWN);
            let detail = format!(
                "it exports `{other}`, and this host calls `{EXPORT}`; build it again with the SDK of this host's version"
            );
            Err(ModuleError::Mismatch { detail })
        }
        None => Err(ModuleError::MissingExport { export: EXPORT.into() }),
    }
}
