//! The modules of the host: which one starts the new runs of a workflow, which are still needed.
//!
//! A module is needed while a workflow points at it or a run that has not ended is on it. Compiled
//! code is loaded when it is first needed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use segno_api::{Json, ModuleView, WorkflowView, when};
use segno_journal::{Digest, History, Manifest, Workflow};

use crate::engine::error::{EngineError, LoadError};
use crate::sandbox::{Module, ModuleError, Sandbox, add_schemas};
use crate::store::{Committer, Draft, ModuleRecord, Store, StoreError};

/// What is known of the modules, in step with the store.
pub(crate) struct Modules {
    sandbox: Sandbox,
    store: Store,
    committer: Committer,
    /// What this host has.
    steps: segno::Steps,
    state: Mutex<State>,
    /// Held while something is handed in to be written, so that what is forgotten and what is deployed is
    /// written in the order in which it happened here. The disk may be slow, so nothing that starts
    /// runs waits for this: that is what `state` is for, which nobody holds while he waits.
    order: Mutex<()>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<Digest, ModuleRecord>,
    /// Which module new runs of a workflow are started on.
    current: BTreeMap<String, Digest>,
    /// How many runs that have not ended are on a module.
    runs: HashMap<Digest, u64>,
    /// The steps that a module wants and this host lacks, where there are such.
    missing: HashMap<Digest, Vec<String>>,
    loaded: HashMap<Digest, Module>,
    /// The steps that a module lists, once somebody has asked.
    listed: HashMap<Digest, Arc<BTreeSet<String>>>,
    /// There is a run of which nobody knows on which module it is, so none is forgotten.
    keeps_all: bool,
}

impl Modules {
    /// The modules of a store, on a host with these steps.
    pub(crate) fn open(
        sandbox: Sandbox,
        store: Store,
        committer: Committer,
        steps: segno::Steps,
    ) -> Result<Self, StoreError> {
        let records: BTreeMap<_, ModuleRecord> = store.modules()?.into_iter().collect();
        let current = store.workflows()?.into_iter().collect();
        let missing =
            records.iter().map(|(digest, record)| (*digest, missing(&steps, &record.manifest)));
        let missing = missing.filter(|(_, missing)| !missing.is_empty()).collect();
        let state = State { records, current, missing, ..State::default() };
        Ok(Self {
            sandbox,
            store,
            committer,
            steps,
            state: Mutex::new(state),
            order: Mutex::default(),
        })
    }

    /// The steps that a module wants and this host lacks.
    pub(crate) fn missing_steps(&self, manifest: &Manifest) -> Vec<String> {
        missing(&self.steps, manifest)
    }

    /// The module that is named by its digest, or by a beginning of it.
    pub(crate) fn named(&self, text: &str) -> Result<Digest, EngineError> {
        if let Ok(digest) = text.parse() {
            let is_known = self.state.lock().records.contains_key(&digest);
            return is_known
                .then_some(digest)
                .ok_or_else(|| EngineError::UnknownModule(text.to_owned()));
        }
        let beginning: String = text.chars().take(80).collect();
        let mut named: Vec<_> = self.state.lock().records.keys().copied().collect();
        named.retain(|digest| digest.begins_with(&beginning));
        match named[..] {
            [digest] => Ok(digest),
            [] => Err(EngineError::UnknownModule(beginning)),
            _ => Err(EngineError::AmbiguousModule { beginning, count: named.len() }),
        }
    }

    /// The module for a new run of a workflow. The run counts as being on it from now on. One that
    /// wants steps which this host lacks starts nothing.
    pub(crate) fn enter_current(&self, workflow: &str) -> Result<Digest, EngineError> {
        let mut state = self.state.lock();
        let digest = state.current_of(workflow)?;
        if let Some(missing) = state.missing.get(&digest) {
            let workflow = workflow.to_owned();
            let missing = missing.clone();
            return Err(EngineError::StartLacksSteps { workflow, missing });
        }
        *state.runs.entry(digest).or_default() += 1;
        Ok(digest)
    }

    /// Whether a module has this workflow. One that is not there has none.
    pub(crate) fn holds(&self, digest: Digest, workflow: &str) -> bool {
        self.state.lock().holds(digest, workflow)
    }

    /// Whether a run on this module can have a child of this workflow.
    pub(crate) fn has_for_child(&self, parent: Digest, workflow: &str) -> bool {
        let state = self.state.lock();
        state.holds(parent, workflow) || state.current.contains_key(workflow)
    }

    /// The module for a child of a run on this module: the same if it holds the workflow, so that both agree on
    /// their types, else the one that starts new runs. The child counts as being on it from now on.
    pub(crate) fn enter_for_child(&self, parent: Digest, workflow: &str) -> Digest {
        let mut state = self.state.lock();
        let digest = match state.holds(parent, workflow) {
            true => parent,
            false => state.current_of(workflow).unwrap_or(parent),
        };
        *state.runs.entry(digest).or_default() += 1;
        digest
    }

    /// Something that has not ended is on this module from now on. False if there is no such
    /// module.
    #[must_use]
    pub(crate) fn enter(&self, digest: Digest) -> bool {
        let mut state = self.state.lock();
        let is_known = state.records.contains_key(&digest);
        if is_known {
            *state.runs.entry(digest).or_default() += 1;
        }
        is_known
    }

    /// A run that was recovered is on this module, whether it is there or not: it may be deployed
    /// again.
    pub(crate) fn enter_recovered(&self, digest: Digest) {
        *self.state.lock().runs.entry(digest).or_default() += 1;
    }

    /// Something is on this module no more. What nothing needs is forgotten, here and on disk. It may wait
    /// for the disk then.
    pub(crate) fn leave(&self, digest: Digest) {
        let mut state = self.state.lock();
        if let Some(runs) = state.runs.get_mut(&digest) {
            *runs = runs.saturating_sub(1);
        }
        let is_needed = state.is_needed(digest);
        drop(state);
        if !is_needed {
            self.forget_unneeded_of([digest]);
        }
    }

    fn forget(&self, digest: Digest) {
        self.committer.submit(Draft::forget_module(digest), |_forgotten| {});
    }

    /// Puts a module into the store. It counts as needed until [`Modules::leave`]: its last run may
    /// end while it is on its way. It may wait for the disk.
    pub(crate) fn put(
        &self,
        digest: Digest,
        record: &ModuleRecord,
        wasm: &[u8],
        then: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let draft = Draft::module(digest, record, wasm);
        let _order = self.order.lock();
        *self.state.lock().runs.entry(digest).or_default() += 1;
        self.committer.submit(draft, move |written| then(written.map(drop)));
    }

    /// The compiled code of a module, loaded where it is not yet.
    pub(crate) fn load(&self, digest: Digest) -> Result<Module, LoadError> {
        if let Some(module) = self.state.lock().loaded.get(&digest) {
            return Ok(module.clone());
        }
        let code = self.store.code(digest).map_err(|source| LoadError::Store { digest, source })?;
        let code = code.ok_or(LoadError::Missing(digest))?;
        let module =
            self.sandbox.load(&code).map_err(|source| LoadError::Refused { digest, source })?;
        // One that was forgotten meanwhile, which only who asks a run that has ended can meet, is not kept.
        let mut state = self.state.lock();
        if state.records.contains_key(&digest) {
            state.loaded.insert(digest, module.clone());
        }
        Ok(module)
    }

    /// Checks and compiles a component, and asks it what is in it. Changes nothing.
    pub(crate) fn examine(&self, wasm: &[u8]) -> Result<(Module, Manifest), ModuleError> {
        let module = self.sandbox.load(wasm)?;
        let mut manifest = module.describe()?;
        add_schemas(&mut manifest, wasm)?;
        Ok((module, manifest))
    }

    /// The record of a module that is kept already.
    pub(crate) fn record(&self, digest: Digest) -> Option<ModuleRecord> {
        self.state.lock().records.get(&digest).cloned()
    }

    /// How much is kept of the journals of a workflow's runs on a module.
    pub(crate) fn history(&self, digest: Digest, workflow: &str) -> History {
        let state = self.state.lock();
        state.records.get(&digest).map_or(History::All, |record| record.manifest.history(workflow))
    }

    /// The steps that a module lists.
    pub(crate) fn steps(&self, digest: Digest) -> Arc<BTreeSet<String>> {
        let State { records, listed, .. } = &mut *self.state.lock();
        let steps =
            || records.get(&digest).map(|record| record.manifest.steps.iter().cloned().collect());
        Arc::clone(listed.entry(digest).or_insert_with(|| Arc::new(steps().unwrap_or_default())))
    }

    /// Whether a module starts the new runs of all these workflows.
    pub(crate) fn is_current_for(&self, digest: Digest, workflows: &[String]) -> bool {
        let state = self.state.lock();
        workflows.iter().all(|workflow| state.current.get(workflow) == Some(&digest))
    }

    /// Takes in a module that is on disk: from now on it starts the new runs of its workflows. What
    /// nothing needs any more is forgotten, which may wait for the disk.
    pub(crate) fn install(&self, module: Module, record: ModuleRecord) {
        let mut state = self.state.lock();
        let digest = module.digest();
        for workflow in &record.manifest.workflows {
            state.current.insert(workflow.name.clone(), digest);
        }
        let missing = self.missing_steps(&record.manifest);
        if !missing.is_empty() {
            state.missing.insert(digest, missing);
        }
        state.records.insert(digest, record);
        state.listed.remove(&digest);
        state.loaded.insert(digest, module);
        drop(state);
        self.forget_unneeded();
    }

    /// The record of a run cannot be read, so nobody knows on which module it is.
    pub(crate) fn keep_all(&self) {
        self.state.lock().keeps_all = true;
    }

    /// Forgets what nothing needs. At the start all runs are recovered by now: a crash may have come
    /// between the end of the last run of a module and that.
    pub(crate) fn forget_unneeded(&self) {
        let known: Vec<_> = self.state.lock().records.keys().copied().collect();
        self.forget_unneeded_of(known);
    }

    /// Forgets those of these that nothing needs.
    fn forget_unneeded_of(&self, digests: impl IntoIterator<Item = Digest>) {
        let _order = self.order.lock();
        for digest in digests {
            // Somebody may need it again by now.
            let is_forgotten = self.state.lock().forget_if_unneeded(digest);
            if is_forgotten {
                self.forget(digest);
            }
        }
    }

    /// All modules, as they are shown, newest first.
    pub(crate) fn view(&self) -> Vec<ModuleView> {
        let state = self.state.lock();
        let mut views: Vec<_> = state
            .records
            .iter()
            .map(|(digest, record)| ModuleView {
                digest: digest.to_string(),
                workflows: record.manifest.names(),
                steps: record.manifest.steps.clone(),
                current_for: state.current_for(*digest),
                runs: state.runs.get(digest).copied().unwrap_or_default(),
                size: record.size,
                sdk: record.manifest.sdk.clone(),
                deployed_at: when(record.deployed_at),
            })
            .collect();
        views.sort_by_key(|view| Reverse(view.deployed_at));
        views
    }

    /// A workflow, as the module has it that starts its new runs.
    pub(crate) fn workflow(&self, name: &str) -> Result<WorkflowView, EngineError> {
        // What is large is read when nothing is locked: starts ask here, too.
        let (digest, listed) = self.state.lock().current_workflow(name)?;
        let keep = match listed.history {
            History::All => None,
            History::Keep(turns) => Some(turns),
        };
        let input = listed.input.map(Json::of);
        let output = listed.output.map(Json::of);
        Ok(WorkflowView { name: listed.name, module: digest.to_string(), keep, input, output })
    }
}

impl State {
    /// Whether a module holds a workflow.
    fn holds(&self, digest: Digest, workflow: &str) -> bool {
        self.records.get(&digest).is_some_and(|record| record.manifest.workflow(workflow).is_some())
    }

    /// The module that starts the new runs of a workflow.
    fn current_of(&self, workflow: &str) -> Result<Digest, EngineError> {
        self.current.get(workflow).copied().ok_or_else(|| {
            let name = workflow.chars().take(128).collect();
            let known = self.current.keys().cloned().collect();
            EngineError::UnknownWorkflow { name, known }
        })
    }

    /// The same, and the workflow as that module has it.
    fn current_workflow(&self, workflow: &str) -> Result<(Digest, Workflow), EngineError> {
        let digest = self.current_of(workflow)?;
        let listed =
            self.records.get(&digest).and_then(|record| record.manifest.workflow(workflow));
        let listed = listed.ok_or_else(|| EngineError::UnknownModule(digest.to_string()))?;
        Ok((digest, listed.clone()))
    }

    fn current_for(&self, digest: Digest) -> Vec<String> {
        let pointing = self.current.iter().filter(|(_, current)| **current == digest);
        pointing.map(|(workflow, _)| workflow.clone()).collect()
    }

    /// Whether a run is on a module, or new runs start on it.
    fn is_needed(&self, digest: Digest) -> bool {
        let runs = self.runs.get(&digest).copied().unwrap_or_default();
        self.keeps_all || runs > 0 || self.current.values().any(|current| *current == digest)
    }

    fn forget_if_unneeded(&mut self, digest: Digest) -> bool {
        if self.is_needed(digest) {
            return false;
        }
        self.runs.remove(&digest);
        self.loaded.remove(&digest);
        self.missing.remove(&digest);
        self.listed.remove(&digest);
        self.records.remove(&digest).is_some()
    }
}

fn missing(steps: &segno::Steps, manifest: &Manifest) -> Vec<String> {
    manifest.steps.iter().filter(|name| steps.get(name).is_none()).cloned().collect()
}

#[cfg(test)]
mod tests;
