//! The carrier, as its step sees it: it takes an order to an address.

use serde::{Deserialize, Serialize};

/// A parcel that the carrier has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// What the carrier calls it.
    pub tracking: String,
    /// How long it is on its way, such as `2 days`.
    pub arrives_in: String,
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use demo_kit::http;
    use segno::{StepContext, StepError};
    use serde_json::json;

    use super::Shipment;
    use crate::model::Address;

    /// Books a shipment to this address, once for each step ID.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn book(order: u64, address: Address) -> Result<Shipment, StepError> {
        let request = http::post("/carrier/shipments")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order, "address": address }));
        Ok(http::send(request).await?.json().await?)
    }

    /// Has brought back what the carrier has of an order, once for each step ID. Where it has nothing, it will
    /// not: this wins against a booking that comes late.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn recall(order: u64) -> Result<(), StepError> {
        let request = http::post("/carrier/recalls")
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&json!({ "order": order }));
        http::send(request).await?;
        Ok(())
    }
}
