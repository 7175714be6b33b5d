//! Deploying on a running host: checked, compiled, asked what is in it, stored, and only then
//! pointed at. A bad module changes nothing.

use bytes::Bytes;
use segno_api::Deployed;
use tokio::sync::oneshot;

use crate::engine::admission::Admitted;
use crate::engine::admission::to_the_end;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::may_block;
use segno_journal::Manifest;

use crate::sandbox::Module;
use crate::store::{ModuleRecord, StoreError};

/// What becomes of the deploy of a module that wants steps which the host lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingSteps {
    /// It is refused.
    Refused,
    /// It is deployed. Its workflows cannot be started until a host has the steps, and its runs in
    /// flight wait for such a host.
    Allowed,
}

impl Engine {
    /// Deploys a component: from now on it starts the new runs of its workflows. Runs in flight
    /// stay on the module that they were started on. One that wants steps which this host lacks is
    /// refused.
    ///
    /// # Errors
    ///
    /// What is wrong with it; what was deployed before is unchanged.
    pub async fn deploy(&self, wasm: Bytes) -> Result<Deployed, EngineError> {
        self.deploy_with(wasm, MissingSteps::Refused).await
    }

    /// As [`Engine::deploy`], and says what becomes of a module that wants steps which this host lacks.
    ///
    /// # Errors
    ///
    /// As [`Engine::deploy`].
    pub async fn deploy_with(
        &self,
        wasm: Bytes,
        missing: MissingSteps,
    ) -> Result<Deployed, EngineError> {
        let engine = self.clone();
        let admitted = self.admit(wasm.len())?;
        // A deployer who hangs up does not leave half a deploy.
        to_the_end(async move { engine.deploy_whole(wasm, missing, admitted).await }).await
    }

    async fn deploy_whole(
        &self,
        wasm: Bytes,
        missing: MissingSteps,
        _admitted: Admitted,
    ) -> Result<Deployed, EngineError> {
        let limit = self.0.config.max_module;
        if wasm.len() > limit {
            return Err(EngineError::TooLarge { what: "the module", size: wasm.len(), limit });
        }
        // One at a time: of two deploys, the later one stands whole.
        let _alone = self.0.deploy_lock.lock().await;
        let modules = self.0.modules.clone();
        let bytes = wasm.clone();
        let examined = tokio::task::spawn_blocking(move || modules.examine(&bytes)).await;
        let (module, manifest) = examined.map_err(|_| EngineError::Stopping)??;
        self.deploy_examined((module, manifest), wasm, missing).await
    }

    /// Stores a module that was examined, unless it is current already.
    pub(crate) async fn deploy_examined(
        &self,
        (module, manifest): (Module, Manifest),
        wasm: Bytes,
        missing_steps: MissingSteps,
    ) -> Result<Deployed, EngineError> {
        let workflows = manifest.names();
        let missing = self.0.modules.missing_steps(&manifest);
        if !missing.is_empty() && missing_steps == MissingSteps::Refused {
            return Err(EngineError::DeployLacksSteps { missing });
        }
        let digest = module.digest();
        let mut warnings: Vec<_> = missing.iter().map(|name| warning(name)).collect();
        warnings.extend(self.0.config.policy.warnings(digest, &manifest));
        if self.0.modules.is_current_for(digest, &workflows) {
            return Ok(Deployed {
                digest: digest.to_string(),
                workflows,
                unchanged: true,
                warnings,
            });
        }
        self.store_module(module, manifest, wasm).await?;
        tracing::info!(module = %digest, ?workflows, "deployed");
        Ok(Deployed { digest: digest.to_string(), workflows, unchanged: false, warnings })
    }

    async fn store_module(
        &self,
        module: Module,
        manifest: Manifest,
        wasm: Bytes,
    ) -> Result<(), EngineError> {
        let digest = module.digest();
        let modules = &self.0.modules;
        let known = modules.record(digest);
        let deployed_at = known.map_or_else(|| self.0.outside.now(), |record| record.deployed_at);
        let record = ModuleRecord { manifest, size: wasm.len() as u64, deployed_at };
        let (done, written) = oneshot::channel();
        let then = |written| {
            let _gone = done.send(written);
        };
        may_block(|| modules.put(digest, &record, &wasm, then));
        let written = written.await.map_err(|_| StoreError::Closed).flatten();
        if written.is_ok() {
            may_block(|| modules.install(module, record));
        }
        may_block(|| modules.leave(digest));
        Ok(written?)
    }
}

fn warning(step: &str) -> String {
    format!(
        "this host has no step `{step}`; the workflows of the module cannot be started until a host has it"
    )
}
