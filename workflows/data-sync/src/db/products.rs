//! Our copy of the other side's products.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::db::{Database, now};
use crate::reconcile::Product;

const UPSERT: &str = "\
    INSERT INTO products (id, data, updated_at, archived_at) VALUES ($1, $2, $3, NULL)
    ON CONFLICT (id) DO UPDATE SET
        data = excluded.data, updated_at = excluded.updated_at, archived_at = NULL
    WHERE excluded.updated_at >= products.updated_at";

const ARCHIVE: &str = "UPDATE products SET archived_at = $2 WHERE id = $1 AND archived_at IS NULL";

impl Database {
    /// Writes all products or none. A row that is newer than its product stays as it is; an archived
    /// one comes back.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn upsert_products(&self, products: &[Product]) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        for product in products {
            sqlx::query(UPSERT)
                .bind(&product.id)
                .bind(&product.data)
                .bind(product.updated_at)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Marks products as archived, all or none. Their data stay.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn archive_products(&self, ids: &[String]) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        let now = now();
        for id in ids {
            sqlx::query(ARCHIVE).bind(id).bind(now).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// The products that are not archived, by ID.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn products(&self) -> sqlx::Result<Vec<Product>> {
        let query =
            "SELECT id, data, updated_at FROM products WHERE archived_at IS NULL ORDER BY id";
        sqlx::query(query).fetch_all(&self.pool).await?.iter().map(product).collect()
    }

    /// The products that the other side no longer has, by ID.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn archived_products(&self) -> sqlx::Result<Vec<Product>> {
        let query =
            "SELECT id, data, updated_at FROM products WHERE archived_at IS NOT NULL ORDER BY id";
        sqlx::query(query).fetch_all(&self.pool).await?.iter().map(product).collect()
    }
}

fn product(row: &AnyRow) -> sqlx::Result<Product> {
    Ok(Product {
        id: row.try_get("id")?,
        data: row.try_get("data")?,
        updated_at: row.try_get("updated_at")?,
    })
}
