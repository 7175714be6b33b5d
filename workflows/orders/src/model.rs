//! What orders are made of, and how they end: values.

use serde::{Deserialize, Serialize};

/// Above this amount somebody has to approve an order.
pub const APPROVAL_ABOVE_CENTS: u64 = 100_000;

/// What somebody orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which order this is, for people and for the services.
    pub number: u64,
    /// The card that is charged.
    pub card: String,
    /// Where it goes, until somebody changes it.
    pub address: Address,
    /// What it is; each item in one line.
    pub lines: Vec<Line>,
}

/// So many pieces of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What the warehouse calls it.
    pub item: String,
    /// How many.
    pub pieces: u32,
    /// What one costs.
    pub cents: u64,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Address {
    pub street: String,
    pub city: String,
}

/// How an order ends. What was to be expected is an ordinary end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is where it belongs.
    Delivered {
        /// What the payment service calls the charge.
        receipt: String,
        /// What the carrier calls the parcel.
        tracking: String,
        /// Where it went.
        address: Address,
    },
    /// It was not approved.
    Declined {
        /// Who declined it; nobody, where nobody decided in time.
        by: Option<String>,
    },
    /// The warehouse has not enough of these items.
    OutOfStock {
        /// In the order of the alphabet.
        items: Vec<String>,
    },
    /// The card was not charged.
    CardDeclined {
        /// What the payment service says.
        reason: String,
    },
}

impl Order {
    /// What all of it costs.
    #[must_use]
    pub fn cents(&self) -> u64 {
        self.lines.iter().map(|line| line.cents * u64::from(line.pieces)).sum()
    }

    /// True if somebody has to approve it.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.cents() > APPROVAL_ABOVE_CENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pieces: u32, cents: u64) -> Order {
        let address = Address { street: "Elm Street 2".to_owned(), city: "Cork".to_owned() };
        let line = Line { item: "desk".to_owned(), pieces, cents };
        let other = Line { item: "lamp".to_owned(), pieces: 1, cents: 500 };
        Order { number: 7, card: "4000".to_owned(), address, lines: vec![line, other] }
    }

    #[test]
    fn an_order_costs_what_its_pieces_cost() {
        assert_eq!(order(3, 1_000).cents(), 3_500);
    }

    #[test]
    fn only_what_costs_more_than_the_amount_needs_approval() {
        assert!(!order(1, APPROVAL_ABOVE_CENTS - 500).needs_approval());
        assert!(order(1, APPROVAL_ABOVE_CENTS - 499).needs_approval());
    }
}
