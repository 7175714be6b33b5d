//! A workflow component that was checked, compiled and asked what is in it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use segno_journal::{Blocked, Digest, History, Manifest, Workflow};
use sha2::Sha256;
use wasmtime::component::{Component, Linker};

use crate::sandbox::caller::{Caller, Calls};
use crate::sandbox::error::{ModuleError, NoGuest};
use crate::sandbox::given::{Facts, Quota};
use crate::sandbox::guest::{Guest, new_store};
use crate::sandbox::imports::exports::segno::workflow::guest as exports;
use crate::sandbox::imports::{self, WorkflowPre};
use crate::sandbox::state::State;
use crate::sandbox::{Sandbox, shape, trap, wasi};

/// A compiled workflow component. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    digest: Digest,
    pre: WorkflowPre<State>,
    /// The memory of a fresh guest, once it was asked for; or why there is none.
    fresh: Arc<OnceLock<Result<Vec<u8>, &'static str>>>,
}

/// What a module may use to describe itself: it has nothing to do but to list names.
const DESCRIBE: Quota = Quota {
    fuel_per_turn: 100_000_000,
    seconds: 10,
    memory: 16 << 20,
    commands_per_turn: 0,
    bytes_per_turn: 0,
    payload: MANIFEST_BYTES,
};

/// How large a manifest is at most, in bytes, as it lies in the host's memory: every list of modules has it.
const MANIFEST_BYTES: usize = 1 << 20;

/// The longest name of a workflow, a step or an SDK, in bytes: it is part of URLs and of keys on disk,
/// and of every list of modules.
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
        Ok(Module { digest: digest_of(wasm), pre, fresh: Arc::default() })
    }

    /// What a component may import.
    pub(super) fn linker(&self, component: &Component) -> Result<Linker<State>, ModuleError> {
        let mut linker = Linker::new(&self.engine);
        wasi::add_to_linker(&mut linker, component, &self.engine)?;
        imports::Workflow::add_to_linker::<_, Calls>(&mut linker, |state| Caller::new(state))
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

    pub(crate) fn fresh(&self) -> &OnceLock<Result<Vec<u8>, &'static str>> {
        &self.fresh
    }

    /// Makes a fresh guest for a run, before its first turn.
    ///
    /// # Errors
    ///
    /// Where there is no room for it, or it is stopped, as when its start function traps.
    pub fn instantiate(&self, facts: Facts, quota: Quota) -> Result<Guest, NoGuest> {
        let mut store = new_store(self.pre.engine(), facts, quota);
        match self.pre.instantiate(&mut store) {
            Ok(exports) => Ok(Guest::new(store, exports)),
            Err(error) if trap::is_for_want_of_room(&error) => {
                Err(NoGuest::NoRoom(format!("{error:#}")))
            }
            Err(error) => Err(NoGuest::Stopped(trap::explain(store.data_mut(), &error))),
        }
    }

    /// Asks the module what is in it. Its schemas are beside its code: see [`add_schemas`].
    ///
    /// [`add_schemas`]: crate::sandbox::add_schemas
    ///
    /// # Errors
    ///
    /// Why it could not say, or what is wrong with what it said.
    pub fn describe(&self) -> Result<Manifest, ModuleError> {
        let facts = Facts::of_no_run();
        let mut store = new_store(self.pre.engine(), facts, DESCRIBE);
        let exports = self.pre.instantiate(&mut store);
        let described =
            exports.and_then(|exports| exports.segno_workflow_guest().call_describe(&mut store));
        let manifest = described.map_err(|error| {
            let Blocked { message, .. } = trap::explain(store.data_mut(), &error);
            ModuleError::Describe { detail: message }
        })?;
        let manifest = Manifest {
            sdk: manifest.sdk,
            workflows: manifest.workflows.into_iter().map(listed).collect(),
            steps: manifest.steps,
        };
        check_manifest(&manifest)?;
        Ok(manifest)
    }
}

fn listed(workflow: exports::Workflow) -> Workflow {
    // Nothing less than the last turn can be kept: the next one follows from it.
    let history = workflow.keep.map_or(History::All, |turns| History::Keep(turns.max(1)));
    Workflow { name: workflow.name, history, input: None, output: None }
}

/// Refuses a name that cannot be shown as it is, or is too long.
fn check_text(what: &'static str, name: &str) -> Result<(), ModuleError> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(bad_name(what, name, "has no length from 1 to 128 bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err(bad_name(what, name, "has a control character"));
    }
    Ok(())
}

/// The name is the guest's, and may be anything.
fn bad_name(what: &'static str, name: &str, problem: &'static str) -> ModuleError {
    ModuleError::BadName {
        what,
        name: name.chars().take(NAME_BYTES).collect::<String>().escape_debug().to_string(),
        problem,
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(), ModuleError> {
    if manifest.workflows.is_empty() {
        return Err(ModuleError::NoWorkflows);
    }
    if manifest.workflows.len().max(manifest.steps.len()) > MAX_NAMES {
        return Err(ModuleError::Describe {
            detail: format!("it lists more than {MAX_NAMES} names"),
        });
    }
    check_text("SDK", &manifest.sdk)?;
    manifest.steps.iter().try_for_each(|name| check_text("step", name))?;
    let mut seen = BTreeSet::new();
    for Workflow { name, .. } in &manifest.workflows {
        check_text("workflow", name)?;
        let problem =
            if name.chars().any(|c| c.is_control() || c.is_whitespace() || "/?#%".contains(c)) {
                "has a character that cannot stand in a URL as it is"
            } else if !seen.insert(name) {
                "is listed twice"
            } else {
                continue;
            };
        return Err(bad_name("workflow", name, problem));
    }
    Ok(())
}
