//! This side's database: what the steps write to.
//!
//! SQLite in one file, or PostgreSQL where the URL says so. Both take the same SQL, so there is one
//! set of statements. Every write can be made twice, or late, without harm: rows are upserted by the
//! other side's ID, and an older version never replaces a newer one. Knows nothing of HTTP.

mod contacts;
mod orders;
mod products;

use std::path::Path;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr};
use tokio::sync::OnceCell;

use crate::settings::{self, DATABASE_URL};

/// The schema, one entry a version. Never change one that was released: add the next.
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "tables", include_str!("migrations/0001_tables.sql"))];

/// How many steps may use the database at the same time; the others wait their turn.
const CONNECTIONS: u32 = 8;

/// Where the database is when neither `DATABASE_URL` nor the program says.
const DEFAULT_FILE: &str = "data-sync.db";

static DATABASE: OnceCell<Database> = OnceCell::const_new();

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
}

impl Database {
    /// Connects to `sqlite://…` or `postgres://…` and brings the schema up to date.
    ///
    /// # Errors
    /// If the database cannot be reached, or its schema is not one of ours.
    pub async fn open(url: &str) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?;
        if url.starts_with("sqlite:") {
            // Readers do not wait for the writer. The mode is kept in the file, for all connections.
            sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await?;
        }
        let migrations = MIGRATIONS.map(|(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.into()).run(&pool).await?;
        Ok(Self { pool })
    }

    /// True if no table has a row.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn is_empty(&self) -> sqlx::Result<bool> {
        let count = "SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM products)
            + (SELECT count(*) FROM processed_notifications)";
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&self.pool).await?;
        Ok(rows == 0)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The URL of an SQLite file, which is created when it is opened.
#[must_use]
pub fn sqlite_url(file: &Path) -> String {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    // What has a meaning of its own in a URL is escaped; sqlx takes it back.
    let escaped =
        path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{escaped}?mode=rwc")
}

/// The database that the steps of this process use: the one given to [`set`], or `DATABASE_URL`, or
/// the file `data-sync.db` in the working directory. Opened at the first call.
///
/// # Errors
/// If it cannot be opened; the next call tries again.
pub async fn get() -> sqlx::Result<&'static Database> {
    DATABASE
        .get_or_try_init(|| async {
            let url =
                settings::var(DATABASE_URL).unwrap_or_else(|| sqlite_url(Path::new(DEFAULT_FILE)));
            Database::open(&url).await
        })
        .await
}

/// Makes this the database of all steps in this process.
///
/// # Errors
/// If the process has one already.
pub fn set(database: Database) -> Result<(), AlreadySet> {
    DATABASE.set(database).map_err(|_| AlreadySet)
}

/// The steps of this process have their database, and keep it.
#[derive(Debug, thiserror::Error)]
#[error("the steps of this process have a database already")]
pub struct AlreadySet;

/// Milliseconds since 1970.
fn now() -> i64 {
    segno::Timestamp::now().as_millisecond()
}
