//! Deploying on a running host: checked, compiled, asked what is in it, stored, and only then
//! pointed at. A bad module changes nothing.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::engine::admission::Admitted;
use crate::engine::error::EngineError;
use crate::engine::view::Deployed;
use segno_journal::Manifest;

use crate::sandbox::Module;
use crate::store::{ModuleRecord, StoreError};

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
        let (engine, admitted) = (self.clone(), self.admit(wasm.len())?);
        // Of its own, so that a deployer who hangs up does not leave half a deploy.
        let deployed = tokio::spawn(async move { engine.deploy_whole(wasm, admitted).await });
        deployed.await.map_err(|_| EngineError::Stopping)?
    }

    async fn deploy_whole(&self, wasm: Bytes, _admitted: Admitted) -> Result<Deployed, EngineError> {
        if wasm.len() > MAX_MODULE {
            return Err(EngineError::TooLarge { what: "the module", size: wasm.len(), limit: MAX_MODULE });
        }
        // One at a time: of two deploys, the later one stands whole.
        let _alone = self.0.deploy_lock.lock().await;
        let (modules, bytes) = (self.0.modules.clone(), wasm.clone());
        let examined = tokio::task::spawn_blocking(move || modules.examine(&bytes)).await;
        let (module, manifest) = examined.map_err(|_| EngineError::Stopping)??;
        self.deploy_examined(module, manifest, wasm).await
    }

    /// Stores a module that was examined, unless it is current already.
    pub(crate) async fn deploy_examined(
        &self,
        module: Module,
        manifest: Manifest,
        wasm: Bytes,
    ) -> Result<Deployed, EngineError> {
        let workflows = manifest.names();
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
        let (digest, modules) = (module.digest(), &self.0.modules);
        let known = modules.record(digest);
        let deployed_at = known.map_or_else(|| self.0.outside.now(), |record| record.deployed_at);
        let record = ModuleRecord { manifest, size: wasm.len() as u64, deployed_at };
        let (done, written) = oneshot::channel();
        modules.put(digest, &record, &wasm, |written| {
            let _gone = done.send(written);
        });
        let written = written.await.map_err(|_| StoreError::Closed).flatten();
        if written.is_ok() {
            modules.install(module, record);
        }
        modules.leave(digest);
        Ok(written?)
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
