//! The payment service, as its step sees it: it charges cards, or does not, and gives back what it charged.

use serde::{Deserialize, Serialize};

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// The card was charged.
    Charged {
        /// What the payment service calls it.
        receipt: String,
    },
    /// It was not, and will not be.
    Declined {
        /// What the payment service says.
        reason: String,
    },
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use demo_kit::http;
    use reqwest::StatusCode;
    use segno::{StepContext, StepError};
    use serde::Deserialize;
    use serde_json::json;

    use super::Payment;

    #[derive(Deserialize)]
    struct Charge {
        receipt: String,
    }

    /// Charges a card, once for each step ID however often it is attempted.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn charge(order: u64, card: String, cents: u64) -> Result<Payment, StepError> {
        let request = http::post("/payments/charges")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order, "card": card, "cents": cents }));
        match http::send_or(request, StatusCode::PAYMENT_REQUIRED).await? {
            Ok(answer) => {
                let Charge { receipt } = answer.json().await?;
                Ok(Payment::Charged { receipt })
            }
            Err(reason) => Ok(Payment::Declined { reason }),
        }
    }

    /// Gives back what was charged for an order, if anything was, once for each step ID. Where somebody has to
    /// look at that first, it fails: no other attempt would mend it, but a retry of the run does when they have.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn refund(order: u64) -> Result<(), StepError> {
        give_back("/payments/refunds", order).await
    }

    /// Gives back what was charged for an order and was not given back, and has nothing charged for it any more:
    /// this wins against a charge or a refund that comes late.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn settle(order: u64) -> Result<(), StepError> {
        give_back("/payments/settlements", order).await
    }

    async fn give_back(path: &str, order: u64) -> Result<(), StepError> {
        let request = http::post(path)
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order }));
        http::send(request).await?;
        Ok(())
    }
}
