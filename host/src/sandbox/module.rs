//! A workflow component that was checked, compiled and asked what is in it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use segno_journal::{Blocked, Digest, History, Manifest, Workflow};

use crate::sandbox::bindings::WorkflowPre;
use crate::sandbox::bindings::exports::segno::workflow::guest as exports;
use crate::sandbox::error::{ModuleError, NoGuest};
use crate::sandbox::given::{Facts, Quota};
use crate::sandbox::guest::{Guest, new_store};
use crate::sandbox::image::{self, PackError};
use crate::sandbox::state::State;
use crate::sandbox::trap;

/// A compiled workflow component. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    digest: Digest,
    pre: WorkflowPre<State>,
    /// The memory of a fresh guest, once it was asked for; or why there is none.
    fresh: Arc<OnceLock<Result<Vec<u8>, &'static str>>>,
}

/// What a guest may use to give its fresh memory: it has not done anything yet. Of memory, what there
/// is room for: a run may have been allowed more than by default.
const FRESH: Quota = Quota {
    fuel_per_turn: 100_000_000,
    seconds: 10,
    memory: usize::MAX,
    commands_per_turn: 0,
    bytes_per_turn: 0,
    payload: 0,
};

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

impl Module {
    /// A component that is linked, with this digest.
    pub(super) fn new(digest: Digest, pre: WorkflowPre<State>) -> Self {
        Self { digest, pre, fresh: Arc::default() }
    }

    /// Which code this is.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
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

    /// What of the memory of a run on this module has to be stored.
    ///
    /// # Errors
    ///
    /// The module's fresh memory is not to be had, or too much of the memory differs from it.
    pub fn pack(&self, memory: &[u8]) -> Result<Vec<u8>, PackError> {
        image::pack(self.fresh_memory()?, memory)
    }

    /// The memory that was packed, of this many bytes.
    ///
    /// # Errors
    ///
    /// The module's fresh memory is not to be had, or the blocks are damaged.
    pub fn unpack(&self, length: usize, packed: &[u8]) -> Result<Vec<u8>, PackError> {
        image::unpack(self.fresh_memory()?, length, packed)
    }

    /// The memory of a fresh guest: the same for all runs, since nothing of a run was told yet.
    fn fresh_memory(&self) -> Result<&[u8], PackError> {
        let fresh = self.fresh.get_or_init(|| {
            // What a guest says as it stops is its own: it goes to no log.
            let mut guest =
                self.instantiate(Facts::of_no_run(), FRESH).map_err(|_| "it cannot be made")?;
            let image = guest.save().map_err(|_| "it was stopped")?;
            image.map(|image| image::without_end(image.memory)).ok_or("it holds handles")
        });
        fresh.as_deref().map_err(|problem| PackError::Fresh(problem))
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
