//! Calls of webhooks.

use segno_journal::{Op, Request, RunId};
use tokio::sync::oneshot;

use crate::engine::admission::to_the_end;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Message, Reply};
use crate::engine::reads::may_block;

/// A webhook that there is, or was: what its token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundWebhook {
    run: RunId,
    op: Op,
}

impl Engine {
    /// Finds the webhook of a token. To be asked before the body of a call is read: strangers get no
    /// room for it.
    ///
    /// # Errors
    ///
    /// There never was such a webhook, or the store cannot be read.
    pub async fn find_webhook(&self, token: &str) -> Result<FoundWebhook, EngineError> {
        let found = may_block(|| self.0.store.webhook(token))?;
        let found = found.ok_or(EngineError::UnknownWebhook)?;
        Ok(FoundWebhook { run: found.run(), op: found.op })
    }

    /// Delivers a call of a webhook. Answers when it is on disk. The engine numbers the request.
    ///
    /// # Errors
    ///
    /// The call was not stored then.
    pub async fn call_found_webhook(
        &self,
        FoundWebhook { run, op }: FoundWebhook,
        request: Request,
    ) -> Result<Reply, EngineError> {
        let admitted = self.admit_to(run, request.size())?;
        let (caller, answer) = oneshot::channel();
        self.0.inboxes.send(run, Message::Request { run, op, request, caller });
        // A caller who hangs up keeps its place: its request is still in the line.
        let answered = to_the_end(async move {
            let _admitted = admitted;
            answer.await
        });
        let reply = answered.await.map_err(|_| EngineError::Stopping)?;
        if reply.is_ok() {
            self.0.outside.metrics().webhooks_called.inc();
        }
        reply
    }

    /// Finds a webhook and delivers a call of it.
    ///
    /// # Errors
    ///
    /// As [`Engine::find_webhook`] and [`Engine::call_found_webhook`].
    pub async fn call_webhook(&self, token: &str, request: Request) -> Result<Reply, EngineError> {
        self.takes_work()?;
        let found = self.find_webhook(token).await?;
        self.call_found_webhook(found, request).await
    }
}
