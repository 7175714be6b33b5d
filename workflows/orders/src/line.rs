//! A line of an order: its stock is reserved at once, and packed when the order is paid. Until it is packed, it
//! releases its stock itself where it fails or is cancelled.

use segno::{Error, send_signal, signals, workflow};
use serde::{Deserialize, Serialize};

use crate::model::Line;
use crate::warehouse::{Stock, steps};

/// The signal by which a line tells its order that its stock is reserved.
pub const RESERVED: &str = "reserved";

/// The signal by which an order tells its lines that it is paid.
pub const PAID: &str = "paid";

/// A line, and of which order it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The number of the order.
    pub order: u64,
    /// What of it.
    pub line: Line,
}

/// How a line ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// All its pieces are packed.
    Packed,
    /// The warehouse has not so many pieces of this item.
    OutOfStock(String),
}

/// Reserves the stock of one line, and packs it when the order is paid. What it has packed, it leaves to its order.
#[workflow]
pub async fn line(job: Job) -> Result<Ended, Error> {
    let Job { order, line: Line { item, pieces, .. } } = job;
    let paid = signals::<()>(PAID);

    segno::compensate("release the stock", steps::release(order, item.clone()));
    match steps::reserve(order, item.clone(), pieces).await? {
        Stock::Reserved => {}
        Stock::Out => return Ok(Ended::OutOfStock(item)),
    }
    if let Some(order) = segno::run().parent {
        send_signal(&order, RESERVED, &item).await?;
    }
    paid.next().await;

    steps::pack(order, item).await?;
    Ok(Ended::Packed)
}
