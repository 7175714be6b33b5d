//! An order, from its approval to its delivery; and back, where it is cancelled or fails before it is shipped.

use std::pin::pin;

use futures::future::{Either, select};
use segno::{
    Compensation, Error, IntoDuration as _, attributes, compensate, publish, shield, sleep,
    workflow,
};

use crate::approval::{self, Approval};
use crate::carrier::{self, Shipment};
use crate::desk::{Desk, Stage};
use crate::lines::Lines;
use crate::model::{Address, Order, Outcome};
use crate::payments::{self, Payment};
use crate::progress::progress;
use crate::warehouse;

/// Brings an order to its end. Until it is shipped its address may change, by the signal
/// `change_address`; the query `where_is_it` tells how far it is, also when it is over. Cancelled before it is
/// shipped, it leaves nothing behind: no stock, and no charge.
#[workflow]
pub async fn order(order: Order) -> Result<Outcome, Error> {
    let desk = Desk::new(&order);
    let _asked = desk.answer();

    match select(pin!(desk.take_changes()), pin!(fulfil(&order, &desk))).await {
        Either::Left((never, _)) => match never {},
        Either::Right((outcome, _)) => outcome,
    }
}

/// One thing after the other. Where it ends early, the lines that still wait are cancelled with it, and release
/// their stock.
async fn fulfil(order: &Order, desk: &Desk) -> Result<Outcome, Error> {
    if order.needs_approval() {
        desk.moves_to(Stage::Approval);
        progress("waiting for approval\n");
        if let Approval::Declined { by } = approval::ask(order).await? {
            return Ok(Outcome::Declined { by });
        }
    }

    desk.moves_to(Stage::Reserving);
    let mut lines = Lines::start(order);
    let items = lines.missing().await?;
    if !items.is_empty() {
        return Ok(Outcome::OutOfStock { items });
    }

    desk.moves_to(Stage::Paying);
    progress("everything is reserved\n");
    // Registered first, it is the last to run: refused, it can be tried again when all else is undone.
    let mut undo = vec![compensate("refund", payments::steps::refund(order.number))];
    let receipt = match pay(order).await? {
        Payment::Charged { receipt } => receipt,
        Payment::Declined { reason } => return Ok(Outcome::CardDeclined { reason }),
    };

    desk.moves_to(Stage::Packing);
    undo.extend(take_over(order));
    pack(&mut lines, desk).await?;

    let address = desk.close();
    let Shipment { tracking, arrives_in } = ship(order, address.clone(), desk, undo).await?;
    sleep(arrives_in.as_str().into_duration()?).await;

    progress("delivered\n");
    Ok(Outcome::Delivered { receipt, tracking, address })
}

/// Charges the card. A charge that is under way is waited for: a refund is not to overtake it.
async fn pay(order: &Order) -> Result<Payment, Error> {
    let charge = payments::steps::charge(order.number, order.card.clone(), order.cents());
    Ok(shield(charge).await?)
}

/// From now on the order releases its stock: a line that is packed is over, and undoes nothing any more.
fn take_over(order: &Order) -> impl Iterator<Item = Compensation> {
    order.lines.iter().map(|line| {
        let release = warehouse::steps::release(order.number, line.item.clone());
        compensate("release the stock", release)
    })
}

/// Has all lines packed.
async fn pack(lines: &mut Lines, desk: &Desk) -> Result<(), Error> {
    lines.pack().await?;
    while lines.next_packed().await? {
        let (packed, all) = desk.packed();
        progress(&format!("packed {packed} of {all}\n"));
    }
    Ok(())
}

/// Hands it to the carrier. That is final: what is shipped stays packed and paid, also where the order is
/// cancelled while the carrier is asked.
async fn ship(
    order: &Order,
    address: Address,
    desk: &Desk,
    undo: Vec<Compensation>,
) -> Result<Shipment, Error> {
    shield(async {
        let shipment = carrier::steps::book(order.number, address).await?;
        undo.into_iter().for_each(Compensation::keep);

        desk.moves_to(Stage::OnItsWay);
        publish("tracking", &shipment.tracking);
        attributes::set("tracking", shipment.tracking.as_str())?;
        progress("on its way\n");
        Ok(shipment)
    })
    .await
}
