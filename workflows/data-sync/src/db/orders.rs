//! The orders that change notifications told us of, and which notifications took effect.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row;

use crate::db::{Database, now};
use crate::webhook_sync::Change;

const CLAIM: &str = "\
    INSERT INTO processed_notifications (delivery_id, record_id, processed_at) VALUES ($1, $2, $3)
    ON CONFLICT (delivery_id) DO NOTHING";

const UPSERT: &str = "\
    INSERT INTO orders (id, data, updated_at) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at
    WHERE excluded.updated_at >= orders.updated_at";

impl Database {
    /// Applies a change once: its delivery is marked as processed in the same transaction. False if
    /// it was processed before. A change that was overtaken by a newer one counts as processed and
    /// leaves the order as it is.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing was.
    pub async fn apply_change(&self, change: &Change) -> sqlx::Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let claimed = sqlx::query(CLAIM)
            .bind(&change.delivery_id)
            .bind(&change.record_id)
            .bind(now())
            .execute(&mut *transaction)
            .await?;
        if claimed.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(UPSERT)
            .bind(&change.record_id)
            .bind(change.data.to_string())
            .bind(change.updated_at)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The content of all orders, by ID.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn orders(&self) -> sqlx::Result<BTreeMap<String, Value>> {
        let rows = sqlx::query("SELECT id, data FROM orders").fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let data: String = row.try_get("data")?;
                let data = serde_json::from_str(&data)
                    .map_err(|error| sqlx::Error::Decode(error.into()))?;
                Ok((row.try_get("id")?, data))
            })
            .collect()
    }

    /// The IDs of all deliveries that took effect, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn processed_notifications(&self) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("SELECT delivery_id FROM processed_notifications ORDER BY delivery_id")
            .fetch_all(&self.pool)
            .await
    }
}
