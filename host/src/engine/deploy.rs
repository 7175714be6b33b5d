//! Deploying on a running host: checked, compiled, asked what is in it, stored, and only then
//! pointed at. A bad module changes nothing.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::view::Deployed;
use crate::sandbox::{Manifest, Module};
use crate::store::{Draft, ModuleRecord};

/// How large a component may be, in bytes.
pub(crate) const MAX_MODULE: usize = 64 << 20;

impl Engine {
    /// Deploys a component: from now on it starts the new runs of its workflows. Runs in flight
    /// stay on the module that they were started on.
    ///
    /// # Errors
    ///
    /// What is wrong with it; what was deployed before is unchanged.
    pub async fn deploy(&self, wasm: Bytes) -> Result<Deployed, EngineError> {
        let _admitted = self.admit()?;
        if wasm.len() > MAX_MODULE {
            return Err(EngineError::TooLarge { what: "the module", size: wasm.len(), limit: MAX_MODULE });
        }
        // One at a time: of two deploys, the later one stands whole.
        let _alone = self.0.deploy_lock.lock().await;
        let (modules, bytes) = (self.0.modules.clone(), wasm.clone());
        let examined = tokio::task::spawn_blocking(move || modules.examine(&bytes)).await;
        let (module, manifest) = examined.map_err(|_| EngineError::Stopping)??;
        let workflows = manifest.workflows.clone();
        let warnings = self.missing_steps(&manifest);
        let digest = module.digest();
        if self.0.modules.is_current_for(digest, &workflows) {
            return Ok(Deployed { digest: digest.to_string(), workflows, unchanged: true, warnings });
        }
        self.store_module(module, manifest, wasm).await?;
        tracing::info!(module = %digest, ?workflows, "deployed");
        Ok(Deployed { digest: digest.to_string(), workflows, unchanged: false, warnings })
    }

    async fn store_module(&self, module: Module, manifest: Manifest, wasm: Bytes) -> Result<(), EngineError> {
        let digest = module.digest();
        // While it is on its way it counts as needed: its last run may end in this moment.
        self.0.modules.enter(digest);
        let stored = self.store_entered(module, manifest, wasm).await;
        let _unneeded_if_it_was_not_stored = self.0.modules.leave(digest);
        stored
    }

    async fn store_entered(
        &self,
        module: Module,
        manifest: Manifest,
        wasm: Bytes,
    ) -> Result<(), EngineError> {
        let digest = module.digest();
        let known = self.0.modules.record(digest);
        let deployed_at = known.map_or_else(|| self.0.outside.now(), |record| record.deployed_at);
        let record = ModuleRecord { manifest, size: wasm.len() as u64, deployed_at };
        let (done, written) = oneshot::channel();
        self.0.committer.submit(Draft::module(digest, &record, &wasm), move |committed| {
            let _gone = done.send(committed.map(drop));
        });
        written.await.map_err(|_| EngineError::Stopping)??;
        let unneeded = self.0.modules.install(module, record);
        if !unneeded.is_empty() {
            self.0.committer.submit(Draft::forget_modules(&unneeded), |_forgotten| {});
        }
        Ok(())
    }

    fn missing_steps(&self, manifest: &Manifest) -> Vec<String> {
        let steps = self.0.outside.runner.steps();
        let missing = manifest.steps.iter().filter(|name| steps.get(name).is_none());
        let warning = |name| {
            format!(
                "this host has no step `{name}`; a workflow that calls it will get a failure until the host has it"
            )
        };
        missing.map(warning).collect()
    }
}
