//! What the upstream remembers: its records, with the time of each change.

use std::path::Path;

use anyhow::Context as _;
use axum::extract::FromRef;
use demo_kit::memory::{Memory, Tx, count};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sqlx::SqlitePool;

use crate::upstream::people;
use crate::upstream::sizes::Sizes;

const SCHEMA: &str = include_str!("schema.sql");

/// Each hundredth record has no content, and the destination refuses it.
const EMPTY_RECORD: i64 = 100;

/// The upstream's memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    memory: Memory,
}

impl Store {
    /// Opens the file; an upstream that is new gets its first records from the seed.
    pub(super) async fn open(file: &Path, seed: u64, sizes: Sizes) -> anyhow::Result<Self> {
        let store = Self { memory: Memory::open(file, SCHEMA).await? };
        store.fill(seed, sizes).await.context("the upstream cannot write its first records")?;
        Ok(store)
    }

    pub(super) async fn begin(&self) -> sqlx::Result<Tx> {
        self.memory.begin().await
    }

    pub(super) const fn pool(&self) -> &SqlitePool {
        self.memory.pool()
    }

    pub(super) const fn memory(&self) -> &Memory {
        &self.memory
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

/// Where the answers to keys are.
impl FromRef<Store> for Memory {
    fn from_ref(store: &Store) -> Self {
        store.memory.clone()
    }
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
