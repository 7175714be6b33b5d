//! Idempotent writes: a step runs at least once, its effect takes place once. The step ID is the same
//! at each attempt and after each crash, so it is the key by which billing knows a repetition.

use segno::{sleep, workflow};
use serde::{Deserialize, Serialize};

/// What to bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// The bills, one invoice each.
    pub bills: Vec<Bill>,
    /// How long to sleep between two invoices, such as `1 second`.
    pub pause: String,
}

/// What somebody owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Bill {
    pub customer_id: String,
    pub amount_cents: i64,
}

/// An invoice, as billing answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Invoice {
    pub id: String,
    pub customer_id: String,
    pub amount_cents: i64,
}

/// Writes one invoice for each bill, and never two.
#[workflow]
pub async fn idempotent_write(config: Config) -> Result<Vec<Invoice>, segno::Error> {
    let mut invoices = Vec::new();

    for bill in config.bills {
        invoices.push(steps::create_invoice(bill).await?);
        sleep(&config.pause).await;
    }
    Ok(invoices)
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use segno::{StepContext, StepError};

    use super::{Bill, Invoice};
    use crate::http;

    /// Creates an invoice, once for each step ID however often it is attempted.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn create_invoice(bill: Bill) -> Result<Invoice, StepError> {
        let request = http::post("/billing/invoices")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&bill);
        Ok(http::send(request).await?.json().await?)
    }
}
