//! Polling: ask the CRM every few minutes for what has changed, and write it to the database.

use segno::{StepFailure, log, sleep, workflow};
use serde::{Deserialize, Serialize};

/// How far each fetch reaches back behind the one before. The clocks of two systems are never quite
/// the same, and what is fetched twice is written once.
const OVERLAP_MS: i64 = 2_000;

/// How to poll.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// How long to sleep between two polls, such as `5 minutes`.
    pub every: String,
}

/// A contact, as the CRM shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Contact {
    pub id: String,
    pub name: String,
    pub email: String,
    pub company: String,
    pub city: String,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// Keeps the table `contacts` in step with the CRM, for ever.
#[workflow]
pub async fn crm_poll(config: Config) -> Result<(), segno::Error> {
    let mut cursor = 0;

    loop {
        // Taken before the fetch, so that what changes while it runs is fetched the next time.
        let next_cursor = segno::now().as_millisecond() - OVERLAP_MS;

        match poll(cursor).await {
            Ok(()) => cursor = next_cursor,
            // Something is out of reach for longer than its step tries. The cursor stays, so nothing
            // is lost.
            Err(failure) => log::warn!("will ask again for what changed since {cursor}: {failure}"),
        }

        sleep(&config.every).await;
    }
}

async fn poll(cursor: i64) -> Result<(), StepFailure> {
    let contacts = steps::fetch_updated_contacts(cursor).await?;

    if !contacts.is_empty() {
        steps::upsert_contacts(contacts).await?;
    }
    Ok(())
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use segno::StepError;

    use super::Contact;
    use crate::{db, http};

    /// The contacts that changed at or after this moment, in milliseconds since 1970.
    #[segno::step(max_retries = 5)]
    pub async fn fetch_updated_contacts(since: i64) -> Result<Vec<Contact>, StepError> {
        let request = http::get(&format!("/crm/contacts?updated_since={since}"));
        Ok(http::send(request).await?.json().await?)
    }

    /// Writes contacts to the database; a row that is newer stays.
    #[segno::step(max_retries = 5)]
    pub async fn upsert_contacts(contacts: Vec<Contact>) -> Result<(), StepError> {
        Ok(db::get().await?.upsert_contacts(&contacts).await?)
    }
}
