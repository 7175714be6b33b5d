//! Calls of webhooks.

use segno_journal::{Event, Request, RunId};
use tokio::sync::oneshot;

use crate::engine::admission::to_the_end;
use crate::engine::control::signal::answer_in;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Message, Reply, Told};
use crate::engine::reads::may_block;
use crate::store::WebhookRecord;

/// A webhook that there is, or was: a token, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundWebhook {
    token: Box<str>,
    webhook: WebhookRecord,
}

impl Engine {
    /// Finds the webhook of a token. To be asked before the body of a call is read: strangers get no
    /// room for it. One that was made or called lately is found without asking the store.
    ///
    /// # Errors
    ///
    /// There never was such a webhook, or the store cannot be read.
    pub async fn find_webhook(&self, token: &str) -> Result<FoundWebhook, EngineError> {
        let known = self.0.outside.known_webhooks();
        let webhook = match known.get(token) {
            Some(webhook) => webhook,
            None => {
                let webhook = self.look_up_webhook(token).await?;
                known.remember(token, webhook);
                webhook
            }
        };
        Ok(FoundWebhook { token: token.into(), webhook })
    }

    /// Says whether there is, or was, such a webhook, without calling it.
    ///
    /// # Errors
    ///
    /// As [`Engine::find_webhook`].
    pub async fn probe_webhook(&self, token: &str) -> Result<(), EngineError> {
        let found = self.look_up_webhook(token).await;
        if matches!(found, Err(EngineError::UnknownWebhook)) {
            self.0.outside.known_webhooks().forget(token);
        }
        found.map(drop)
    }

    /// Delivers a call of a webhook. Answers when it is on disk. The engine numbers the request.
    ///
    /// # Errors
    ///
    /// The call was not stored then.
    pub async fn call_found_webhook(
        &self,
        found: FoundWebhook,
        request: Request,
    ) -> Result<Reply, EngineError> {
        let (run, op) = (found.webhook.run(), found.webhook.op);
        let reply = self.call(run, Event::Requested { op, request }, false).await?;
        match reply {
            Ok(_) => {
                self.0.outside.metrics().webhooks_called.inc();
            }
            // Its run does not know whether it is over or gone.
            Err(EngineError::InboxClosed) => self.probe_webhook(&found.token).await?,
            Err(_) => {}
        }
        reply
    }

    /// Gives a run what was sent to it. The outer error is that nobody could be asked.
    pub(super) async fn call(
        &self,
        run: RunId,
        event: Event,
        waits: bool,
    ) -> Result<Result<Reply, EngineError>, EngineError> {
        let admitted = self.admit_to(run, event.untaken().unwrap_or(0))?;
        let (caller, answer) = oneshot::channel();
        self.0.inboxes.send(run, Message::Call { run, event, waits, caller });
        // A caller who hangs up keeps its place: what it sent is still in the line.
        let answered = to_the_end(async move {
            let _admitted = admitted;
            answer.await
        });
        Ok(match answered.await.map_err(|_| EngineError::Stopping)? {
            Ok(Told::Reply(reply)) => Ok(reply),
            Ok(Told::Answered { turn, number }) => {
                may_block(|| answer_in(&self.0.store, run, turn, number)).map(Reply::Now)
            }
            Err(error) => Err(error),
        })
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

    /// Asks the store where a token leads.
    async fn look_up_webhook(&self, token: &str) -> Result<WebhookRecord, EngineError> {
        let _place = self.0.admission.look_up().await?;
        may_block(|| self.0.store.webhook(token))?.ok_or(EngineError::UnknownWebhook)
    }
}
