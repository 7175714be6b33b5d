//! The desk of an order: whoever wants to know where it is, or to have it sent elsewhere, asks here.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use segno::{Query, query, signals};
use serde::{Deserialize, Serialize};

use crate::model::{Address, Order};

/// Where an order is, from its beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Somebody has to approve it.
    Approval,
    /// The warehouse looks whether it has everything.
    Reserving,
    /// The card is being charged.
    Paying,
    /// The warehouse packs it.
    Packing,
    /// The carrier is told where it goes.
    Booking,
    /// The carrier has it.
    OnItsWay,
}

/// The answer to `where_is_it`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhereIsIt {
    /// Where.
    pub stage: Stage,
    /// How many lines are packed.
    pub packed: usize,
    /// Of how many.
    pub lines: usize,
    /// Where it goes.
    pub address: Address,
}

/// What those who ask are told, and what they may change. Clones are the same desk.
#[derive(Debug, Clone)]
pub(crate) struct Desk(Rc<RefCell<WhereIsIt>>);

impl Desk {
    /// Of an order that begins.
    pub(crate) fn new(order: &Order) -> Self {
        let Order { lines, address, .. } = order;
        let (lines, address) = (lines.len(), address.clone());
        Self(Rc::new(RefCell::new(WhereIsIt {
            stage: Stage::Reserving,
            packed: 0,
            lines,
            address,
        })))
    }

    /// Tells where the order is, for as long as what this gives is there.
    pub(crate) fn answer(&self) -> Query {
        let shown = Self::clone(self);
        query("where_is_it", move |()| shown.0.borrow().clone())
    }

    /// Takes changes of the address for as long as it is polled: until the order is shipped they are
    /// made, and then refused.
    pub(crate) async fn take_changes(&self) -> Infallible {
        let changes = signals::<Address>("change_address");
        loop {
            let change = changes.next().await;
            match self.change(change.value.clone()) {
                Ok(address) => change.respond(address),
                Err(reason) => change.refuse(reason),
            }
        }
    }

    /// Changes the address, if that can still be done.
    fn change(&self, address: Address) -> Result<Address, &'static str> {
        let mut shown = self.0.borrow_mut();
        match shown.stage {
            Stage::Booking => Err("the carrier is being told where the order goes"),
            Stage::OnItsWay => Err("the order is on its way"),
            Stage::Approval | Stage::Reserving | Stage::Paying | Stage::Packing => {
                shown.address = address.clone();
                Ok(address)
            }
        }
    }

    /// Moves the order on.
    pub(crate) fn moves_to(&self, stage: Stage) {
        self.0.borrow_mut().stage = stage;
    }

    /// One more line is packed; gives how many of how many are.
    pub(crate) fn packed(&self) -> (usize, usize) {
        let mut shown = self.0.borrow_mut();
        shown.packed += 1;
        (shown.packed, shown.lines)
    }

    /// From now on the address stays as it is: this is the one that the carrier is told.
    pub(crate) fn close(&self) -> Address {
        self.moves_to(Stage::Booking);
        self.0.borrow().address.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(street: &str) -> Address {
        Address { street: street.to_owned(), city: "Cork".to_owned() }
    }

    fn desk() -> Desk {
        let address = address("Elm Street 2");
        Desk::new(&Order { number: 7, card: "4000".to_owned(), address, lines: Vec::new() })
    }

    #[test]
    fn the_carrier_is_told_the_last_address() {
        let desk = desk();
        assert_eq!(desk.change(address("Oak Street 1")), Ok(address("Oak Street 1")));
        desk.moves_to(Stage::Packing);
        assert_eq!(desk.change(address("Oak Street 3")), Ok(address("Oak Street 3")));
        assert_eq!(desk.close(), address("Oak Street 3"));
    }

    #[test]
    fn what_is_shipped_goes_nowhere_else() {
        let desk = desk();
        let told = desk.close();
        for stage in [Stage::Booking, Stage::OnItsWay] {
            desk.moves_to(stage);
            assert!(desk.change(address("Oak Street 1")).is_err());
        }
        assert_eq!(desk.0.borrow().address, told);
    }

    #[test]
    fn what_is_packed_is_counted() {
        let desk = desk();
        assert_eq!((desk.packed().0, desk.packed().0), (1, 2));
    }
}
