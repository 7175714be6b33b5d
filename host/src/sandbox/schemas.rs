//! JSON Schemas of what workflows take and give: a custom section of the component, which costs its runs
//! nothing. The host shows them and does not follow them: whether an input fits is decided by the code
//! that takes it.

use std::collections::BTreeMap;

use segno_journal::{Blocked, MAX_NESTING, Manifest, is_too_nested};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, ComponentType, Lift};

use crate::sandbox::capacity::Capacity;
use crate::sandbox::engine::Sandbox;
use crate::sandbox::error::ModuleError;
use crate::sandbox::given::{Facts, Quota};
use crate::sandbox::guest::new_store;
use crate::sandbox::trap;

/// The name of the section. Its bytes are JSON: for the name of a workflow, its `input` and `output`.
const SECTION: &str = "segno:schemas";

/// How large the section is at most, in bytes: for each module it lies in the memory of the host.
const MAX_BYTES: usize = 256 << 10;

/// The schemas of a workflow, each a JSON Schema as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schemas {
    /// Of what it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    /// Of what it returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
}

/// What a component that was built to be asked says of one workflow.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Said {
    workflow: String,
    input: Option<String>,
    output: Option<String>,
}

/// Asking takes an author's machine a moment; one that does not end is a mistake.
const ASK: Quota = Quota {
    fuel_per_turn: 50_000_000_000,
    seconds: 60,
    memory: 256 << 20,
    commands_per_turn: 0,
    bytes_per_turn: 0,
    payload: 16 << 20,
};

/// A component with its schemas in it, which another build of the same crate says when it is asked.
///
/// # Errors
///
/// Why it could not say, or that the schemas are larger than a host takes.
pub fn with_schemas(mut component: Vec<u8>, described: &[u8]) -> Result<Vec<u8>, ModuleError> {
    let capacity = Capacity { guests: 1, memory: ASK.memory };
    let cannot = |error: wasmtime::Error| ModuleError::Describe { detail: format!("{error:#}") };
    let schemas = ask(&Sandbox::new(None, capacity).map_err(cannot)?, described)?;
    let data = serde_json::to_vec(&schemas).map_err(|error| bad(&error))?;
    check_size(data.len())?;
    CustomSection { name: SECTION.into(), data: data.into() }.append_to_component(&mut component);
    Ok(component)
}

fn ask(sandbox: &Sandbox, wasm: &[u8]) -> Result<BTreeMap<String, Schemas>, ModuleError> {
    const EXPORT: &str = "segno:workflow/schemas@0.2.0";
    let engine = &sandbox.engine;
    let component = Component::from_binary(engine, wasm)
        .map_err(|error| ModuleError::Invalid { detail: format!("{error:#}") })?;
    let linker = sandbox.linker(&component)?;
    let mut store = new_store(engine, Facts::of_no_run(), ASK);
    let mut ask = || {
        let instance = linker.instantiate(&mut store, &component)?;
        let interface = instance.get_export_index(&mut store, None, EXPORT);
        let function =
            interface.and_then(|at| instance.get_export_index(&mut store, Some(&at), "all"));
        let function =
            function.ok_or_else(|| wasmtime::format_err!("it has no export `{EXPORT}`"))?;
        instance.get_typed_func::<(), (Vec<Said>,)>(&mut store, &function)?.call(&mut store, ())
    };
    let asked = ask();
    let (all,) = asked.map_err(|error| {
        let Blocked { message, .. } = trap::explain(store.data_mut(), &error);
        ModuleError::Describe { detail: message }
    })?;
    let schemas = all.into_iter().map(|Said { workflow, input, output }| {
        Ok((workflow, Schemas { input: raw(input)?, output: raw(output)? }))
    });
    schemas.collect()
}

fn raw(schema: Option<String>) -> Result<Option<Box<RawValue>>, ModuleError> {
    let schema = schema.map(RawValue::from_string).transpose().map_err(|error| bad(&error))?;
    schema.as_deref().map(check).transpose()?;
    Ok(schema)
}

/// Adds to a manifest the schemas that its component has.
///
/// # Errors
///
/// They cannot be read, are too large, or are of a workflow that the component does not have.
pub fn add_schemas(manifest: &mut Manifest, wasm: &[u8]) -> Result<(), ModuleError> {
    let Some(section) = section(wasm)? else { return Ok(()) };
    check_size(section.len())?;
    let mut schemas: BTreeMap<String, Schemas> =
        serde_json::from_slice(section).map_err(|error| bad(&error))?;
    for workflow in &mut manifest.workflows {
        let Schemas { input, output } = schemas.remove(&workflow.name).unwrap_or_default();
        workflow.input = input.map(text).transpose()?;
        workflow.output = output.map(text).transpose()?;
    }
    match schemas.is_empty() {
        true => Ok(()),
        false => Err(bad(&"they are of a workflow that it does not have")),
    }
}

/// The section of the component itself, not of what is nested in it.
fn section(wasm: &[u8]) -> Result<Option<&[u8]>, ModuleError> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| ModuleError::Invalid { detail: error.to_string() })? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(custom) if depth == 0 && custom.name() == SECTION => {
                found.push(custom.data())
            }
            _ => {}
        }
    }
    match found[..] {
        [] => Ok(None),
        [section] => Ok(Some(section)),
        _ => Err(bad(&"it has more than one section of them")),
    }
}

fn text(schema: Box<RawValue>) -> Result<String, ModuleError> {
    check(&schema)?;
    Ok(Box::<str>::from(schema).into())
}

/// A schema is an object, or one of the two values that are schemas as well.
fn check(schema: &RawValue) -> Result<(), ModuleError> {
    let schema = schema.get();
    if is_too_nested(schema) {
        return Err(bad(&format_args!("a schema is nested more than {MAX_NESTING} levels deep")));
    }
    match schema.starts_with('{') || schema == "true" || schema == "false" {
        true => Ok(()),
        false => Err(bad(&"a schema is an object, `true` or `false`")),
    }
}

fn check_size(size: usize) -> Result<(), ModuleError> {
    if size <= MAX_BYTES {
        Ok(())
    } else {
        Err(bad(&format_args!("they have {size} bytes; {MAX_BYTES} are allowed")))
    }
}

fn bad(problem: &dyn std::fmt::Display) -> ModuleError {
    ModuleError::Schemas { detail: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use segno_journal::{History, Workflow};

    use super::*;

    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

    fn manifest() -> Manifest {
        let workflow = |name: &str| Workflow {
            name: name.into(),
            history: History::All,
            input: None,
            output: None,
        };
        Manifest {
            sdk: "test".into(),
            workflows: vec![workflow("a"), workflow("b")],
            steps: vec![],
        }
    }

    fn with_section(mut wasm: Vec<u8>, data: &str) -> Vec<u8> {
        let section = CustomSection { name: SECTION.into(), data: data.as_bytes().into() };
        section.append_to_component(&mut wasm);
        wasm
    }

    #[test]
    fn each_workflow_gets_the_schemas_of_its_name() {
        let mut told = manifest();
        let wasm =
            with_section(HEADER.to_vec(), r#"{"b":{"input":{"type":"null"},"output":true}}"#);
        add_schemas(&mut told, &wasm).unwrap();
        assert_eq!(told.workflow("a"), manifest().workflow("a"));
        let b = told.workflow("b").unwrap();
        assert_eq!(b.input.as_deref(), Some(r#"{"type":"null"}"#));
        assert_eq!(b.output.as_deref(), Some("true"));
    }

    #[test]
    fn a_section_of_something_nested_is_not_that_of_the_component() {
        let inner = with_section(HEADER.to_vec(), r#"{"a":{"input":true}}"#);
        let mut outer = HEADER.to_vec();
        wasm_encoder::RawSection { id: 4, data: &inner }.append_to_component(&mut outer);
        let mut told = manifest();
        add_schemas(&mut told, &outer).unwrap();
        assert_eq!(told, manifest());
    }

    #[test]
    fn what_is_wrong_with_schemas_is_said() {
        let large = format!(r#"{{"a":{{"input":{{"x":"{}"}}}}}}"#, "x".repeat(MAX_BYTES));
        let deep =
            format!(r#"{{"a":{{"input":{{"x":{}{}}}}}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let refused = |wasm: &[u8]| add_schemas(&mut manifest(), wasm).unwrap_err().to_string();
        for (data, problem) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (r#"{"c":{"input":true}}"#, "of a workflow that it does not have"),
            (r#"{"a":{"input":"text"}}"#, "an object, `true` or `false`"),
            (r#"{"a":{"other":true}}"#, "unknown field"),
            (&*large, "262144 are allowed"),
            (&*deep, "more than 100 levels"),
        ] {
            let said = refused(&with_section(HEADER.to_vec(), data));
            assert!(said.contains(problem), "{problem}: {said}");
        }
        let twice = with_section(with_section(HEADER.to_vec(), "{}"), "{}");
        assert!(refused(&twice).contains("more than one section"));
    }
}
