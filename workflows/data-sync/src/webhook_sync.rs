//! Webhook: instead of asking again and again, be told. Notifications may come twice, and in any order.

use segno::{Response, Webhook, log, workflow};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A change notification, as the shop sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The ID of the notification: the same each time it is delivered.
    pub delivery_id: String,
    /// What happened, such as `order.updated`.
    pub r#type: String,
    /// To which record.
    pub record_id: String,
    /// When, in milliseconds since 1970.
    pub updated_at: i64,
    /// The record after the change.
    pub data: serde_json::Value,
}

/// Keeps the table `orders` in step with the shop, for as long as the shop notifies us.
#[workflow]
pub async fn webhook_sync() -> Result<(), segno::Error> {
    let webhook =
        Webhook::builder().respond_with(Response::json(&json!({ "received": true }))?).create();

    // Tell the shop where to send its notifications.
    steps::register_webhook(webhook.url().to_owned()).await?;

    while let Some(request) = webhook.next().await {
        match request.json::<Change>() {
            Ok(change) => steps::process_change(change).await?,
            Err(error) => {
                log::warn!("request {} is no change notification: {error}", request.number)
            }
        }
    }
    Ok(())
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use segno::StepError;
    use serde_json::json;

    use super::Change;
    use crate::{db, http};

    /// Subscribes a URL to changes of orders. Subscribing twice is subscribing once.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn register_webhook(url: String) -> Result<(), StepError> {
        let body = json!({ "url": url, "events": ["order.created", "order.updated"] });
        http::send(http::post("/shop/webhooks").json(&body)).await?;
        Ok(())
    }

    /// Applies a change. A delivery that was processed before is known by its ID, and a change that
    /// was overtaken by a newer one leaves the order as it is: so twice, or late, does no harm.
    /// What is acknowledged never comes again, so it is tried for weeks.
    #[segno::step(max_retries = 100_000)]
    pub async fn process_change(change: Change) -> Result<(), StepError> {
        db::get().await?.apply_change(&change).await?;
        Ok(())
    }
}
