//! Why nothing stays in step by itself: the upstream's records change all the time, at a seeded pace.

use std::time::Duration;

use demo_kit::memory::{Tx, count};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use crate::upstream::store::{Store, put_contact, put_order, put_product};
use crate::upstream::{notify, people};

/// How often a bundle of changes is made.
const TICK: Duration = Duration::from_millis(50);

/// Of so many updates, one makes a new record.
const NEW_ONE_IN: u32 = 10;

/// Changes records until it is told to stop. `pace` is in changes a second.
pub(super) async fn run(store: Store, seed: u64, pace: f64, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // A change that is not made is no loss: the next tick makes others.
        if let Err(error) = tick(&store, seed, pace).await {
            tracing::warn!(%error, "the upstream could not change its records");
        }
    }
}

/// One bundle of changes: which ones depends on the seed and on how many bundles there were.
async fn tick(store: &Store, seed: u64, pace: f64) -> sqlx::Result<()> {
    let mut transaction = store.begin().await?;
    let number = count(&mut transaction, "ticks").await?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number.unsigned_abs());
    let expected = pace.max(0.0) * TICK.as_secs_f64();
    let mut left = expected.floor();
    if random.random_bool(expected.fract()) {
        left += 1.0;
    }
    while left >= 1.0 {
        match random.random_range(0..10) {
            0..5 => contact(&mut transaction, &mut random).await?,
            5..8 => order(&mut transaction, &mut random).await?,
            _ => product(&mut transaction, &mut random).await?,
        }
        left -= 1.0;
    }
    transaction.commit().await
}

async fn contact(transaction: &mut Tx, random: &mut ChaCha8Rng) -> sqlx::Result<()> {
    let number = choose(transaction, random, "SELECT count(*) FROM contacts").await?;
    let person = people::person(random, number);
    put_contact(transaction, number, &person).await.map(drop)
}

async fn order(transaction: &mut Tx, random: &mut ChaCha8Rng) -> sqlx::Result<()> {
    let number = choose(transaction, random, "SELECT count(*) FROM orders").await?;
    let data = people::order(random);
    let time = put_order(transaction, number, &data.to_string()).await?;
    notify::announce(transaction, random, notify::OrderChange { number, time, data }).await
}

async fn product(transaction: &mut Tx, random: &mut ChaCha8Rng) -> sqlx::Result<()> {
    let number = choose(transaction, random, "SELECT count(*) FROM products").await?;
    if random.random_ratio(1, NEW_ONE_IN) {
        let remove = "UPDATE products SET removed = 1 WHERE number = $1";
        return sqlx::query(remove).bind(number).execute(&mut **transaction).await.map(drop);
    }
    put_product(transaction, number, &people::product(random)).await.map(drop)
}

/// The number of a record that is there, or now and then the next number that is free.
async fn choose(
    transaction: &mut Tx,
    random: &mut ChaCha8Rng,
    count: &'static str,
) -> sqlx::Result<i64> {
    let there: i64 = sqlx::query_scalar(count).fetch_one(&mut **transaction).await?;
    if there == 0 || random.random_ratio(1, NEW_ONE_IN) {
        return Ok(there + 1);
    }
    Ok(random.random_range(1..=there))
}
