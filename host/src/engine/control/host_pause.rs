//! Holding up all runs of the host at once.

use segno_api::{HostPauseView, when};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Asker;
use crate::engine::reads::may_block;
use crate::store::{Draft, HostPause};

impl Engine {
    /// Pauses the host: what happens to its runs is kept in its order until it is resumed, and no attempt of a step
    /// begins, also none that waits for a place. Those that run come to their ends. Who starts a
    /// run or sends it something is answered when that is stored. It stays so over restarts. Pausing a paused host
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// The store is in trouble.
    pub async fn pause_host(&self, by: Asker) -> Result<HostPauseView, EngineError> {
        let _admitted = self.admit(0)?;
        if may_block(|| self.0.store.host_pause())?.is_none() {
            tracing::warn!(
                by = by.name(),
                "the host is paused: no run goes on until it is resumed"
            );
            let pause = HostPause { at: self.0.outside.now(), by: by.into_name() };
            self.commit(Draft::host_paused(Some(&pause))).await?;
        }
        self.heed_pause()
    }

    /// Lets all runs of the host go on, with what has happened to them meanwhile. Those that are paused or blocked
    /// themselves stay so. Resuming a host that is not paused changes nothing.
    ///
    /// # Errors
    ///
    /// The store is in trouble.
    pub async fn resume_host(&self, by: Asker) -> Result<HostPauseView, EngineError> {
        let _admitted = self.admit(0)?;
        if may_block(|| self.0.store.host_pause())?.is_some() {
            self.commit(Draft::host_paused(None)).await?;
            tracing::warn!(by = by.name(), "the host is resumed");
        }
        self.heed_pause()
    }

    /// Does what the disk says, and says it.
    fn heed_pause(&self) -> Result<HostPauseView, EngineError> {
        let mut pause = None;
        may_block(|| {
            self.0.outside.heed_pause(|| {
                pause = self.0.store.host_pause()?;
                Ok(pause.is_some())
            })
        })?;
        Ok(match pause {
            None => HostPauseView { paused: false, since: None, by: None },
            Some(HostPause { at, by }) => HostPauseView { paused: true, since: Some(when(at)), by },
        })
    }
}
