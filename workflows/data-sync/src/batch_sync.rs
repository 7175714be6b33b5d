//! Batch: send many records, some at a time, each in a step of its own. One that fails for good does
//! not keep the others from being sent.

use futures::{StreamExt, stream};
use segno::workflow;
use serde::{Deserialize, Serialize};

/// How to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// How many records are under way at the same time.
    pub at_once: usize,
}

/// A record, as the source shows it and the destination takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Record {
    pub id: String,
    pub data: String,
}

/// What became of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The IDs of those that arrived.
    pub sent: Vec<String>,
    /// Those that did not.
    pub failed: Vec<Failed>,
}

/// A record that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Which one.
    pub id: String,
    /// What the last attempt said.
    pub reason: String,
}

/// Sends all pending records to the destination.
#[workflow]
pub async fn batch_sync(config: Config) -> Result<Report, segno::Error> {
    let records = steps::fetch_pending_records().await?;

    let mut outcomes = stream::iter(records)
        .map(async |record| (record.id.clone(), steps::sync_record(record).await))
        .buffer_unordered(config.at_once);

    let mut report = Report::default();
    while let Some((id, outcome)) = outcomes.next().await {
        match outcome {
            Ok(()) => report.sent.push(id),
            Err(failure) => report.failed.push(Failed { id, reason: failure.message }),
        }
    }
    Ok(report)
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use segno::{StepContext, StepError};

    use super::Record;
    use crate::http;

    /// The records that wait to be sent.
    #[segno::step(max_retries = 100, backoff(max = "5s"))]
    pub async fn fetch_pending_records() -> Result<Vec<Record>, StepError> {
        let request = http::get("/source/records?status=pending");
        Ok(http::send(request).await?.json().await?)
    }

    /// Sends one record. The other side has bad minutes, so there are many attempts.
    #[segno::step(max_retries = 20, backoff(max = "5s"))]
    pub async fn sync_record(record: Record) -> Result<(), StepError> {
        let request = http::put(&format!("/destination/records/{}", record.id))
            .header("Idempotency-Key", StepContext::current().step_id())
            .json(&record);
        http::send(request).await?;
        Ok(())
    }
}
