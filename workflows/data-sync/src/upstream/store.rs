//! What the upstream remembers, in an SQLite file of its own, so that it survives being killed.
//!
//! One connection does everything in turn, so each transaction sees the world as the one before left
//! it, and a change is visible to readers as soon as it has its time.

use std::path::Path;

use anyhow::Context as _;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::upstream::people;
use crate::upstream::sizes::Sizes;

const SCHEMA: &str = include_str!("schema.sql");

/// Each hundredth record has no content, and the destination refuses it.
const EMPTY_RECORD: i64 = 100;

/// The upstream's memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

pub(super) type Tx = Transaction<'static, Sqlite>;

impl Store {
    /// Opens the file; an upstream that is new gets its first records from the seed.
    pub(super) async fn open(file: &Path, seed: u64, sizes: Sizes) -> anyhow::Result<Self> {
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
            .with_context(|| format!("the upstream cannot open {}", file.display()))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let store = Self { pool };
        store.fill(seed, sizes).await.context("the upstream cannot write its first records")?;
        Ok(store)
    }

    pub(super) async fn begin(&self) -> sqlx::Result<Tx> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    pub(super) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Adds one to a number and returns it: 1 at the first time.
    pub(super) async fn count(&self, name: &str) -> sqlx::Result<i64> {
        let mut transaction = self.begin().await?;
        let number = count(&mut transaction, name).await?;
        transaction.commit().await?;
        Ok(number)
    }

    async fn fill(&self, seed: u64, sizes: Sizes) -> sqlx::Result<()> {
        let mut transaction = self.begin().await?;
        if count(&mut transaction, "filled").await? > 1 {
            return Ok(());
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for number in 1..=sizes.contacts {
            put_contact(&mut transaction, number, &people::person(&mut random, number)).await?;
        }
        for number in 1..=sizes.orders {
            put_order(&mut transaction, number, &people::order(&mut random).to_string()).await?;
        }
        for number in 1..=sizes.products {
            put_product(&mut transaction, number, &people::product(&mut random)).await?;
        }
        for number in 1..=sizes.records {
            let data = people::line(&mut random);
            let data = if number % EMPTY_RECORD == 0 { String::new() } else { data };
            sqlx::query("INSERT INTO records (number, data) VALUES ($1, $2)")
                .bind(number)
                .bind(data)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

/// Adds one to a number and returns it: 1 at the first time.
pub(super) async fn count(transaction: &mut Tx, name: &str) -> sqlx::Result<i64> {
    let add = "INSERT INTO numbers (name, value) VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    sqlx::query_scalar(add).bind(name).fetch_one(&mut **transaction).await
}

/// The time of a change: now, but never the same or earlier than that of the change before, so that
/// of two versions of a record it is clear which is the newer one.
pub(super) async fn stamp(transaction: &mut Tx) -> sqlx::Result<i64> {
    let advance = "INSERT INTO numbers (name, value) VALUES ('clock', $1)
        ON CONFLICT (name) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value";
    sqlx::query_scalar(advance).bind(now()).fetch_one(&mut **transaction).await
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    segno::Timestamp::now().as_millisecond()
}

/// Writes a contact and returns the time of the change.
pub(super) async fn put_contact(
    transaction: &mut Tx,
    number: i64,
    person: &people::Person,
) -> sqlx::Result<i64> {
    let time = stamp(transaction).await?;
    let put = "INSERT OR REPLACE INTO contacts (number, name, email, company, city, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    sqlx::query(put)
        .bind(number)
        .bind(&person.name)
        .bind(&person.email)
        .bind(person.company)
        .bind(person.city)
        .bind(time)
        .execute(&mut **transaction)
        .await?;
    Ok(time)
}

/// Writes an order and returns the time of the change.
pub(super) async fn put_order(transaction: &mut Tx, number: i64, data: &str) -> sqlx::Result<i64> {
    let time = stamp(transaction).await?;
    sqlx::query("INSERT OR REPLACE INTO orders (number, data, updated_at) VALUES ($1, $2, $3)")
        .bind(number)
        .bind(data)
        .bind(time)
        .execute(&mut **transaction)
        .await?;
    Ok(time)
}

/// Writes a product and returns the time of the change. One that was removed is there again.
pub(super) async fn put_product(
    transaction: &mut Tx,
    number: i64,
    data: &str,
) -> sqlx::Result<i64> {
    let time = stamp(transaction).await?;
    sqlx::query("INSERT OR REPLACE INTO products (number, data, updated_at, removed) VALUES ($1, $2, $3, 0)")
        .bind(number)
        .bind(data)
        .bind(time)
        .execute(&mut **transaction)
        .await?;
    Ok(time)
}
