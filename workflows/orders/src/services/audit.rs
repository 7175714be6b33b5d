//! What the services hold, for who wants to compare all sides.

use std::collections::BTreeMap;

use demo_kit::memory::Memory;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::model::Address;

/// What the warehouse keeps for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The number of the order.
    pub order: i64,
    /// Which item.
    pub item: String,
    /// How many pieces.
    pub pieces: i64,
    /// How often it was packed.
    pub packed: i64,
}

/// What the warehouse took back of an order, at one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The number of the order.
    pub order: i64,
    /// Which item.
    pub item: String,
    /// How many pieces.
    pub pieces: i64,
}

/// Everything, by the numbers of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// What lies in the warehouse and is free, by item.
    pub stock: BTreeMap<String, i64>,
    /// What it keeps for orders.
    pub reservations: Vec<Reservation>,
    /// What it took back of them. A request to take back what is not kept is nothing.
    pub releases: Vec<Release>,
    /// What was charged, in cents.
    pub charges: Vec<(i64, i64)>,
    /// What was given back, in cents. A request to give back what was not charged is nothing.
    pub refunds: Vec<(i64, i64)>,
    /// How many refunds were refused until somebody had looked at the card.
    pub locks: i64,
    /// Which of these orders were refunded under another key then.
    pub refunded_as_others: Vec<i64>,
    /// Which orders were not charged because of their cards.
    pub declines: Vec<i64>,
    /// Which orders the carrier did not take.
    pub refusals: Vec<i64>,
    /// Where each shipment goes that was not recalled.
    pub shipments: Vec<(i64, Address)>,
    /// How often a request came again under a key that had taken effect.
    pub repeats: i64,
}

impl Audit {
    pub(super) async fn of(memory: &Memory) -> sqlx::Result<Self> {
        let pool = memory.pool();
        let stock = sqlx::query_as("SELECT item, pieces FROM stock").fetch_all(pool).await?;
        let reservations = "SELECT order_number, item, pieces, packed FROM reservations";
        let reservations: Vec<_> = sqlx::query_as(reservations).fetch_all(pool).await?;
        let releases = "SELECT order_number, item, pieces FROM releases WHERE pieces > 0";
        let releases: Vec<_> = sqlx::query_as(releases).fetch_all(pool).await?;
        let charges = "SELECT order_number, cents FROM charges ORDER BY number";
        let refunds = "SELECT order_number, cents FROM refunds ORDER BY number";
        let declines = "SELECT order_number FROM declines ORDER BY number";
        let locks = "SELECT COUNT(*) FROM locks";
        let others = "SELECT order_number FROM locks WHERE others > 0 ORDER BY order_number";
        let refusals = "SELECT order_number FROM refusals ORDER BY number";
        let shipments = "SELECT order_number, street, city FROM shipments ORDER BY number";
        let shipments = sqlx::query(shipments).fetch_all(pool).await?;
        Ok(Self {
            stock: stock.into_iter().collect(),
            reservations: reservations.into_iter().map(reservation).collect(),
            releases: releases.into_iter().map(release).collect(),
            charges: sqlx::query_as(charges).fetch_all(pool).await?,
            refunds: sqlx::query_as(refunds).fetch_all(pool).await?,
            declines: sqlx::query_scalar(declines).fetch_all(pool).await?,
            locks: sqlx::query_scalar(locks).fetch_one(pool).await?,
            refunded_as_others: sqlx::query_scalar(others).fetch_all(pool).await?,
            refusals: sqlx::query_scalar(refusals).fetch_all(pool).await?,
            shipments: shipments.iter().map(shipment).collect::<sqlx::Result<_>>()?,
            repeats: memory.repeats().await?,
        })
    }
}

fn reservation((order, item, pieces, packed): (i64, String, i64, i64)) -> Reservation {
    Reservation { order, item, pieces, packed }
}

fn release((order, item, pieces): (i64, String, i64)) -> Release {
    Release { order, item, pieces }
}

fn shipment(row: &SqliteRow) -> sqlx::Result<(i64, Address)> {
    let address = Address { street: row.try_get("street")?, city: row.try_get("city")? };
    Ok((row.try_get("order_number")?, address))
}
