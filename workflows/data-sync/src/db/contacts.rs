//! The contacts that were polled from the CRM.

use sqlx::Row;

use crate::crm_poll::Contact;
use crate::db::Database;

const UPSERT: &str = "\
    INSERT INTO contacts (id, name, email, company, city, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, email = excluded.email, company = excluded.company,
        city = excluded.city, updated_at = excluded.updated_at
    WHERE excluded.updated_at >= contacts.updated_at";

impl Database {
    /// Writes all contacts or none. A row that is newer than its contact stays as it is.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn upsert_contacts(&self, contacts: &[Contact]) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        for contact in contacts {
            sqlx::query(UPSERT)
                .bind(&contact.id)
                .bind(&contact.name)
                .bind(&contact.email)
                .bind(&contact.company)
                .bind(&contact.city)
                .bind(contact.updated_at)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// All contacts, by ID.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn contacts(&self) -> sqlx::Result<Vec<Contact>> {
        let rows = sqlx::query(
            "SELECT id, name, email, company, city, updated_at FROM contacts ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Contact {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                    email: row.try_get("email")?,
                    company: row.try_get("company")?,
                    city: row.try_get("city")?,
                    updated_at: row.try_get("updated_at")?,
                })
            })
            .collect()
    }
}
