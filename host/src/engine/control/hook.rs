//! Calls of hooks, and which there are.

use segno_api::{HookPage, HookView, Json, SHOWN, printable, when};
use segno_journal::{Event, MAX_HOOK_TOKEN};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::may_block;
use crate::store::HookRecord;

impl Engine {
    /// The hook of a token.
    ///
    /// # Errors
    ///
    /// There is none, or the store cannot be read.
    pub async fn hook(&self, token: &str) -> Result<HookView, EngineError> {
        Ok(view(token.to_owned(), self.find_hook(token).await?))
    }

    /// The hooks that there are, in the order of their tokens: so many, behind this token.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn hooks(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<HookPage, EngineError> {
        let store = self.0.store.clone();
        let hooks = self.blocking(move || Ok(store.hooks(after.as_deref(), limit)?)).await?;
        let next = hooks.last().filter(|_| hooks.len() == limit).map(|(token, _)| token.clone());
        let hooks = hooks.into_iter().map(|(token, record)| view(token, record)).collect();
        Ok(HookPage { hooks, next })
    }

    /// Gives the run of a hook what was sent to it, as JSON. Answers when that is on disk.
    ///
    /// # Errors
    ///
    /// Nothing was stored then: there is no such hook, it takes no more for now, or the host cannot take it.
    pub async fn resume_hook(&self, token: &str, payload: String) -> Result<HookView, EngineError> {
        self.takes_work()?;
        let record = self.find_hook(token).await?;
        let event = Event::HookReceived { op: record.op, payload };
        match self.call(record.run(), event, false).await? {
            Ok(_reply) => {
                self.0.outside.metrics().hooks_called.inc();
                Ok(view(token.to_owned(), record))
            }
            // Its run has not heard yet that it has the token, or another hook has just got it.
            Err(EngineError::InboxClosed) => {
                self.find_hook(token).await.and(Err(EngineError::Busy))
            }
            Err(error) => Err(error),
        }
    }

    async fn find_hook(&self, token: &str) -> Result<HookRecord, EngineError> {
        // No row has a longer key.
        if token.len() > MAX_HOOK_TOKEN {
            return Err(unknown(token));
        }
        let _place = self.0.admission.look_up().await?;
        may_block(|| self.0.store.hook(token))?.ok_or_else(|| unknown(token))
    }
}

fn unknown(token: &str) -> EngineError {
    EngineError::UnknownHook { token: printable(token, SHOWN) }
}

fn view(token: String, record: HookRecord) -> HookView {
    let (run_id, op, since) = (record.run(), record.op.0, when(record.since));
    HookView { token, run_id, op, since, metadata: record.metadata.map(Json::of) }
}
