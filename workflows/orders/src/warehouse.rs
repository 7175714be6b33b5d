//! The warehouse, as its steps see it: it reserves stock, packs what is reserved, and takes both back.

use serde::{Deserialize, Serialize};

/// Whether the warehouse has what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// It has, and keeps it for the order.
    Reserved,
    /// It has not enough, and keeps nothing.
    Out,
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use demo_kit::http;
    use reqwest::StatusCode;
    use segno::{StepContext, StepError};
    use serde_json::json;

    use super::Stock;

    /// Reserves so many pieces of an item for an order, once for each step ID.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn reserve(order: u64, item: String, pieces: u32) -> Result<Stock, StepError> {
        let request = http::post("/warehouse/reservations")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order, "item": item, "pieces": pieces }));
        let answer = http::send_or(request, StatusCode::CONFLICT).await?;
        Ok(if answer.is_ok() { Stock::Reserved } else { Stock::Out })
    }

    /// Packs what is reserved of an item for an order, once for each step ID.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn pack(order: u64, item: String) -> Result<(), StepError> {
        let request = http::post("/warehouse/packages")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order, "item": item }));
        http::send(request).await?;
        Ok(())
    }

    /// Takes an item of an order back, reserved or packed, once for each step ID. Where nothing is reserved,
    /// nothing will be: this wins against a reservation that comes late.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn release(order: u64, item: String) -> Result<(), StepError> {
        let request = http::post("/warehouse/releases")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order, "item": item }));
        http::send(request).await?;
        Ok(())
    }
}
