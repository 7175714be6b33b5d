//! What the upstream holds: for its own API, and for who wants to compare both sides.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::batch_sync::Record;
use crate::crm_poll::Contact;
use crate::reconcile::Product;
use crate::upstream::ids::{delivery_id, order_id};
use crate::upstream::store::Store;

/// An invoice, as billing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// The `Idempotency-Key` that created it.
    pub key: String,
    /// Who pays.
    pub customer_id: String,
    /// How much.
    pub amount_cents: i64,
}

/// What was sent to subscribers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The IDs of all notifications, in order.
    pub deliveries: Vec<String>,
    /// The content now of each order of which a change was announced.
    pub orders: BTreeMap<String, Value>,
    /// How many notifications are not acknowledged as often as they will be sent.
    pub outstanding: u64,
    /// How many deliveries were repetitions.
    pub repeated: u64,
}

/// The contacts that changed at or after a moment, in milliseconds.
pub(super) async fn contacts(store: &Store, since: i64) -> sqlx::Result<Vec<Contact>> {
    let rows = sqlx::query("SELECT * FROM contacts WHERE updated_at >= $1 ORDER BY number")
        .bind(since)
        .fetch_all(store.pool())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Contact {
                id: format!("contact-{:05}", row.try_get::<i64, _>("number")?),
                name: row.try_get("name")?,
                email: row.try_get("email")?,
                company: row.try_get("company")?,
                city: row.try_get("city")?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .collect()
}

/// The products that are there, or those that were removed.
pub(super) async fn products(store: &Store, removed: bool) -> sqlx::Result<Vec<Product>> {
    let select = "SELECT number, data, updated_at FROM products WHERE removed = $1 ORDER BY number";
    let rows = sqlx::query(select).bind(removed).fetch_all(store.pool()).await?;
    let product = |row: &SqliteRow| {
        Ok(Product {
            id: format!("product-{:04}", row.try_get::<i64, _>("number")?),
            data: row.try_get("data")?,
            updated_at: row.try_get("updated_at")?,
        })
    };
    rows.iter().map(product).collect()
}

/// The records that are to be sent.
pub(super) async fn pending(store: &Store) -> sqlx::Result<Vec<Record>> {
    let rows = sqlx::query("SELECT number, data FROM records ORDER BY number")
        .fetch_all(store.pool())
        .await?;
    rows.iter()
        .map(|row| {
            let id = format!("record-{:04}", row.try_get::<i64, _>("number")?);
            Ok(Record { id, data: row.try_get("data")? })
        })
        .collect()
}

impl Store {
    /// All contacts, by ID.
    ///
    /// # Errors
    /// If the upstream's file cannot be read; so are all others here.
    pub async fn contacts(&self) -> sqlx::Result<Vec<Contact>> {
        contacts(self, i64::MIN).await
    }

    /// The products that are there, by ID.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn products(&self) -> sqlx::Result<Vec<Product>> {
        products(self, false).await
    }

    /// The products that were removed, by ID.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn removed_products(&self) -> sqlx::Result<Vec<Product>> {
        products(self, true).await
    }

    /// The records that are to be sent, by ID.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn pending(&self) -> sqlx::Result<Vec<Record>> {
        pending(self).await
    }

    /// What the destination took: the content by ID, and on how many it took effect more than once.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn received(&self) -> sqlx::Result<(BTreeMap<String, String>, Vec<String>)> {
        let rows =
            sqlx::query("SELECT id, data, writes FROM received").fetch_all(self.pool()).await?;
        let mut received = BTreeMap::new();
        let mut twice = Vec::new();
        for row in &rows {
            let id: String = row.try_get("id")?;
            if row.try_get::<i64, _>("writes")? > 1 {
                twice.push(id.clone());
            }
            received.insert(id, row.try_get("data")?);
        }
        Ok((received, twice))
    }

    /// What the destination refused for good, and why, by ID.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn refused(&self) -> sqlx::Result<BTreeMap<String, String>> {
        let rows = sqlx::query("SELECT id, reason FROM refused").fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("reason")?))).collect()
    }

    /// All invoices, in the order of their creation.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn invoices(&self) -> sqlx::Result<Vec<Invoice>> {
        let rows =
            sqlx::query("SELECT key, customer_id, amount_cents FROM invoices ORDER BY number")
                .fetch_all(self.pool())
                .await?;
        let invoice = |row: &SqliteRow| {
            Ok(Invoice {
                key: row.try_get("key")?,
                customer_id: row.try_get("customer_id")?,
                amount_cents: row.try_get("amount_cents")?,
            })
        };
        rows.iter().map(invoice).collect()
    }

    /// How often a request came again under a key that had taken effect.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn repeats(&self) -> sqlx::Result<i64> {
        self.memory().repeats().await
    }

    /// What was sent to subscribers.
    ///
    /// # Errors
    /// As [`Store::contacts`].
    pub async fn sent(&self) -> sqlx::Result<Sent> {
        let mut sent = Sent::default();
        let rows =
            sqlx::query("SELECT number, owed, deliveries FROM notifications ORDER BY number")
                .fetch_all(self.pool())
                .await?;
        for row in &rows {
            sent.deliveries.push(delivery_id(row.try_get("number")?));
            sent.outstanding += u64::from(row.try_get::<i64, _>("owed")? > 0);
            sent.repeated += row.try_get::<i64, _>("deliveries")?.saturating_sub(1).unsigned_abs();
        }
        let rows = sqlx::query("SELECT number, data FROM orders").fetch_all(self.pool()).await?;
        let announced: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT order_id FROM notifications")
                .fetch_all(self.pool())
                .await?;
        for row in &rows {
            let id = order_id(row.try_get("number")?);
            if announced.contains(&id) {
                let data = serde_json::from_str(row.try_get("data")?);
                sent.orders.insert(id, data.map_err(|error| sqlx::Error::Decode(error.into()))?);
            }
        }
        Ok(sent)
    }
}
