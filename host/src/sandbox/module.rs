//! A workflow component that was checked, compiled and asked what is in it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use segno_journal::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, HasSelf, Linker};

use crate::sandbox::error::ModuleError;
use crate::sandbox::given::{Facts, Quota};
use crate::sandbox::guest::{Guest, new_store};
use crate::sandbox::imports::{Workflow, WorkflowPre};
use crate::sandbox::state::State;
use crate::sandbox::{Sandbox, wasi};

/// The SHA-256 of a component: which code a run belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    const PREFIX: &'static str = "sha256:";

    /// The digest of these bytes.
    #[must_use]
    pub fn of(wasm: &[u8]) -> Self {
        Self(Sha256::digest(wasm).into())
    }

    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a module digest: it is `sha256:` and 64 hexadecimal digits")]
pub struct ParseDigestError {
    text: String,
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let digits = text.strip_prefix(Self::PREFIX)?.as_bytes();
            let mut bytes = [0; 32];
            if digits.len() != 64 {
                return None;
            }
            for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(Self(bytes))
        };
        parse().ok_or_else(|| ParseDigestError { text: text.chars().take(80).collect() })
    }
}

/// What is in a module, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which SDK built it.
    pub sdk: String,
    /// The names of its workflows.
    pub workflows: Vec<String>,
    /// The names of the steps that it may call.
    pub steps: Vec<String>,
}

/// A compiled workflow component. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    digest: Digest,
    pre: WorkflowPre<State>,
}

/// What a module may use to describe itself: it has nothing to do but to list names.
const DESCRIBE: Quota = Quota {
    fuel_per_turn: 100_000_000,
    memory: 16 << 20,
    commands_per_turn: 0,
    bytes_per_turn: 0,
    payload: 1 << 20,
};

/// The longest name of a workflow, in bytes: it is part of URLs and of keys on disk.
const NAME_BYTES: usize = 128;

/// How many workflows and steps one module may list.
const MAX_NAMES: usize = 10_000;

impl Sandbox {
    /// Checks and compiles a component. One that was compiled before by the same version comes from
    /// the cache.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, ModuleError> {
        check_header(wasm)?;
        let component = Component::from_binary(&self.engine, wasm)
            .map_err(|error| ModuleError::Invalid { detail: error.root_cause().to_string() })?;
        let mut linker = Linker::new(&self.engine);
        wasi::add_to_linker(&mut linker, &component, &self.engine)?;
        Workflow::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)
            .map_err(|error| ModuleError::Mismatch { detail: format!("{error:#}") })?;
        check_exports(&component, &self.engine)?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(WorkflowPre::new)
            .map_err(|error| ModuleError::Mismatch { detail: format!("{error:#}") })?;
        Ok(Module { digest: Digest::of(wasm), pre })
    }
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
    const EXPORT: &str = "segno:workflow/guest@0.1.0";
    let exported = component.component_type().exports(engine).any(|(name, _)| name == EXPORT);
    if exported { Ok(()) } else { Err(ModuleError::MissingExport { export: EXPORT.into() }) }
}

impl Module {
    /// Which code this is.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Makes a fresh guest for a run, before its first turn.
    ///
    /// # Errors
    ///
    /// Where there is no memory for it, or its start function traps.
    pub fn instantiate(&self, facts: Facts, quota: Quota) -> wasmtime::Result<Guest> {
        let mut store = new_store(self.pre.engine(), facts, quota)?;
        let exports = self.pre.instantiate(&mut store)?;
        Ok(Guest::new(store, exports))
    }

    /// Asks the module what is in it.
    ///
    /// # Errors
    ///
    /// Why it could not say, or what is wrong with what it said.
    pub fn describe(&self) -> Result<Manifest, ModuleError> {
        let facts = Facts {
            run: RunId::from_parts(Timestamp(0), 0),
            workflow: String::new(),
            started_at: Timestamp(0),
            seed: [0; 32],
        };
        let described = new_store(self.pre.engine(), facts, DESCRIBE).and_then(|mut store| {
            let exports = self.pre.instantiate(&mut store)?;
            exports.segno_workflow_guest().call_describe(&mut store)
        });
        let manifest = described.map_err(|error| ModuleError::Describe { detail: format!("{error:#}") })?;
        let manifest = Manifest {
            sdk: manifest.sdk,
            workflows: manifest.workflows.into_iter().map(|workflow| workflow.name).collect(),
            steps: manifest.steps,
        };
        check_manifest(&manifest)?;
        Ok(manifest)
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(), ModuleError> {
    if manifest.workflows.is_empty() {
        return Err(ModuleError::NoWorkflows);
    }
    if manifest.workflows.len().max(manifest.steps.len()) > MAX_NAMES {
        return Err(ModuleError::Describe { detail: format!("it lists more than {MAX_NAMES} names") });
    }
    let mut seen = BTreeSet::new();
    for name in &manifest.workflows {
        let problem = if name.is_empty() || name.len() > NAME_BYTES {
            "has no length from 1 to 128 bytes"
        } else if name.chars().any(|c| c.is_control() || c.is_whitespace() || "/?#%".contains(c)) {
            "has a character that cannot stand in a URL as it is"
        } else if !seen.insert(name) {
            "is listed twice"
        } else {
            continue;
        };
        return Err(ModuleError::BadName { name: name.chars().take(NAME_BYTES).collect(), problem });
    }
    Ok(())
}
