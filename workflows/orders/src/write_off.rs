//! What is done about an order that was killed, which has undone nothing itself.

use futures::future::try_join_all;
use segno::{Error, workflow};

use crate::model::Order;
use crate::{carrier, payments, warehouse};

/// Leaves nothing of an order whose run was killed: no parcel, no charge, and no stock. Nobody knows what the services
/// had been asked for then, or are being asked for still, so each step also wins against what comes late.
#[workflow]
pub async fn write_off(order: Order) -> Result<(), Error> {
    carrier::steps::recall(order.number).await?;
    payments::steps::settle(order.number).await?;
    let releases =
        order.lines.iter().map(|line| warehouse::steps::release(order.number, line.item.clone()));
    try_join_all(releases).await?;
    Ok(())
}
