//! Calls of webhooks.

use segno_journal::Request;
use tokio::sync::oneshot;

use crate::engine::admission::to_the_end;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Message, Reply};

impl Engine {
    /// Whether there is, or was, a webhook with this token. Cheap: to be asked before the body of a
    /// call is read.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn knows_webhook(&self, token: &str) -> Result<bool, EngineError> {
        Ok(self.0.store.webhook(token)?.is_some())
    }

    /// Delivers a call of a webhook. Answers when it is on disk. The engine numbers the request.
    ///
    /// # Errors
    ///
    /// The call was not stored then.
    pub async fn call_webhook(&self, token: &str, request: Request) -> Result<Reply, EngineError> {
        self.takes_work()?;
        let webhook = self.0.store.webhook(token)?.ok_or(EngineError::UnknownWebhook)?;
        let run = webhook.run();
        let op = webhook.op;
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
}
