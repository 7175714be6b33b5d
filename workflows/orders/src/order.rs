//! An order, from its approval to its delivery.

use std::pin::pin;

use futures::future::{Either, select};
use segno::{Error, IntoDuration as _, publish, sleep, workflow};

use crate::approval::{self, Approval};
use crate::carrier::{self, Shipment};
use crate::desk::{Desk, Stage};
use crate::lines::Lines;
use crate::model::{Order, Outcome};
use crate::payments::{self, Payment};
use crate::progress::progress;

/// Brings an order to its end. Until it is shipped its address may change, by the signal
/// `change_address`; the query `where_is_it` tells how far it is, also when it is over.
#[workflow]
pub async fn order(order: Order) -> Result<Outcome, Error> {
    let desk = Desk::new(&order);
    let _asked = desk.answer();

    match select(pin!(desk.take_changes()), pin!(fulfil(&order, &desk))).await {
        Either::Left((never, _)) => match never {},
        Either::Right((outcome, _)) => outcome,
    }
}

/// One thing after the other. Where it ends early, the lines that still wait end with it.
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
    let receipt = match pay(order).await? {
        Payment::Charged { receipt } => receipt,
        Payment::Declined { reason } => return Ok(Outcome::CardDeclined { reason }),
    };

    pack(&mut lines, desk).await?;
    ship(order, receipt, desk).await
}

async fn pay(order: &Order) -> Result<Payment, Error> {
    Ok(payments::steps::charge(order.number, order.card.clone(), order.cents()).await?)
}

/// Has all lines packed.
async fn pack(lines: &mut Lines, desk: &Desk) -> Result<(), Error> {
    desk.moves_to(Stage::Packing);
    lines.pack().await?;
    while lines.next_packed().await? {
        let (packed, all) = desk.packed();
        progress(&format!("packed {packed} of {all}\n"));
    }
    Ok(())
}

/// Ships it to the address as it is now, and waits until it has arrived.
async fn ship(order: &Order, receipt: String, desk: &Desk) -> Result<Outcome, Error> {
    let address = desk.close();
    let booked = carrier::steps::book(order.number, address.clone()).await?;
    let Shipment { tracking, arrives_in } = booked;

    desk.moves_to(Stage::OnItsWay);
    publish("tracking", &tracking);
    progress("on its way\n");
    sleep(arrives_in.as_str().into_duration()?).await;

    progress("delivered\n");
    Ok(Outcome::Delivered { receipt, tracking, address })
}
