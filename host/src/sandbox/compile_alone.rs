//! The process that compiles one component, and what it may use.

use std::io::Read;
use std::path::Path;

use crate::sandbox::capacity::Capacity;
use crate::sandbox::compiler::COMPILE_MEMORY;
use crate::sandbox::engine::Sandbox;
use crate::sandbox::error::ModuleError;

/// Compiles the component on standard input into a cache, with bounds on what this process may use.
///
/// # Errors
///
/// What is wrong with the component.
pub fn compile_alone(cache: &Path, memory: usize) -> Result<(), String> {
    bound_this_process();
    let mut wasm = Vec::new();
    std::io::stdin().read_to_end(&mut wasm).map_err(|error| error.to_string())?;
    let capacity = Capacity { guests: 1, memory };
    let sandbox = Sandbox::new(Some(cache), capacity).map_err(|error| format!("{error:#}"))?;
    match sandbox.component(&wasm) {
        Ok(_compiled) => Ok(()),
        Err(ModuleError::Invalid { detail }) => Err(detail),
        Err(error) => Err(error.to_string()),
    }
}

/// Memory that is written counts, address space does not: the one is reserved and never used.
#[cfg(unix)]
fn bound_this_process() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let bounds = [(Resource::Data, COMPILE_MEMORY), (Resource::Core, 0)];
    for (resource, bound) in bounds {
        // A system that does not take it still has the bound on time.
        let _untaken = setrlimit(resource, Rlimit { current: Some(bound), maximum: Some(bound) });
    }
}

#[cfg(not(unix))]
const fn bound_this_process() {}
