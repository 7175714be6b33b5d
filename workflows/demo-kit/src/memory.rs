//! What a service remembers, in an SQLite file of its own, so that it survives being killed.
//!
//! One connection does everything in turn, so each transaction sees the world as the one before left
//! it, and a change is visible to readers as soon as it has its time.

use std::path::Path;

use anyhow::Context as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

/// What every service has: single numbers, and what was answered to a request that took effect, so
/// that its repetition gets the same answer.
const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS answers (
        key     TEXT    PRIMARY KEY,
        request TEXT    NOT NULL,
        status  INTEGER NOT NULL,
        body    TEXT    NOT NULL,
        repeats INTEGER NOT NULL DEFAULT 0
    );";

/// The memory of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    pool: SqlitePool,
}

/// A change of a memory: whole or not at all.
pub type Tx = Transaction<'static, Sqlite>;

impl Memory {
    /// Opens the file, makes it if it is missing, and makes the tables of the service in it.
    ///
    /// # Errors
    /// If the file cannot be opened, or is something else.
    pub async fn open(file: &Path, tables: &'static str) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What is committed survives the death of the process; only a power cut could lose it.
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .with_context(|| format!("the service cannot open {}", file.display()))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        sqlx::raw_sql(tables).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// Begins a change; nobody else changes anything until it ends.
    ///
    /// # Errors
    /// If the file cannot be used; so are all others here.
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Where to read.
    #[must_use]
    pub const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Adds one to a number and returns it: 1 at the first time.
    ///
    /// # Errors
    /// As [`Memory::begin`].
    pub async fn count(&self, name: &str) -> sqlx::Result<i64> {
        let mut transaction = self.begin().await?;
        let number = count(&mut transaction, name).await?;
        transaction.commit().await?;
        Ok(number)
    }

    /// How often a request came again under a key that had taken effect.
    ///
    /// # Errors
    /// As [`Memory::begin`].
    pub async fn repeats(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT coalesce(sum(repeats), 0) FROM answers")
            .fetch_one(&self.pool)
            .await
    }
}

/// Adds one to a number and returns it: 1 at the first time.
///
/// # Errors
/// As [`Memory::begin`].
pub async fn count(transaction: &mut Tx, name: &str) -> sqlx::Result<i64> {
    let add = "INSERT INTO numbers (name, value) VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    sqlx::query_scalar(add).bind(name).fetch_one(&mut **transaction).await
}
