//! What a component looks like before it is compiled: it is read once, in a time that its size bounds,
//! and what no compiler should be given is refused.

use wasmparser::{Parser, Payload};

use crate::sandbox::error::ModuleError;

/// How many functions a component has at most, over all its parts: far more than a workflow with all
/// its libraries.
const MAX_FUNCTIONS: u32 = 100_000;

/// How large one function is at most, in bytes. The time of a compiler grows faster than this.
const MAX_BODY: usize = 512 << 10;

/// How many local variables one function has at most. Some of the compiler's tables are of this size
/// times that of the function.
const MAX_LOCALS: u32 = 10_000;

/// Refuses a component that a compiler should not be given.
///
/// # Errors
///
/// What is too much of it, or where it cannot be read.
pub(super) fn check(wasm: &[u8]) -> Result<(), ModuleError> {
    let mut functions = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| invalid(error.to_string()))? {
            Payload::CodeSectionStart { count, .. } => {
                functions = functions.saturating_add(count);
                if functions > MAX_FUNCTIONS {
                    return Err(invalid(format!("it has more than {MAX_FUNCTIONS} functions")));
                }
            }
            Payload::CodeSectionEntry(body) => check_function(&body)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_function(body: &wasmparser::FunctionBody<'_>) -> Result<(), ModuleError> {
    if body.range().len() > MAX_BODY {
        return Err(invalid(format!("one of its functions has more than {MAX_BODY} bytes")));
    }
    let mut locals = 0_u32;
    for group in body.get_locals_reader().map_err(|error| invalid(error.to_string()))? {
        let (count, _ty) = group.map_err(|error| invalid(error.to_string()))?;
        locals = locals.saturating_add(count);
    }
    if locals > MAX_LOCALS {
        return Err(invalid(format!("one of its functions has more than {MAX_LOCALS} variables")));
    }
    Ok(())
}

const fn invalid(detail: String) -> ModuleError {
    ModuleError::Invalid { detail }
}
