//! What each order of a demo is, what is decided of it, which changes of its address are wished, and when it is
//! cancelled, if it is: a pure function of the seed.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::desk::Stage;
use crate::model::{Address, Line, Order};
use crate::services::catalogue::{GOODS, Goods};
use crate::services::{LOCKED_CARD, LOST_CITY, POOR_CARD};

/// How many lines an order has at most.
const LINES: usize = 4;

/// How many pieces a line has at most.
const PIECES: u32 = 3;

/// One in so many cards is never charged.
const POOR_ONE_IN: u32 = 15;

/// One in so many orders is cancelled.
const CANCELLED_ONE_IN: u32 = 4;

/// Fewer looks than so many come before that: later ones find most orders over.
const ENDED_BEFORE: usize = 4;

/// One in so many of the others is killed, as soon.
const KILLED_ONE_IN: u32 = 8;

/// One in so many cards is not refunded before somebody has looked at it.
const LOCKED_ONE_IN: u32 = 3;

/// One in so many orders is for a city to which nobody goes.
const LOST_ONE_IN: u32 = 15;

/// One in so many orders is held up for a look, before so many others.
const HELD_ONE_IN: u32 = 5;
const HELD_BEFORE: usize = 4;

/// One in so many orders has so little time that some do not come to their ends.
const BOUNDED_ONE_IN: u32 = 8;
const BOUNDS_MS: std::ops::Range<u64> = 200..3_000;

/// A card that is charged.
const CARD: &str = "4000 0000 0000 0077";

const CITIES: [&str; 8] =
    ["Accra", "Bergen", "Bogotá", "Busan", "Cork", "Ghent", "Kraków", "Nairobi"];

/// What is decided of an order, if somebody has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Approve,
    Decline,
    /// Nobody decides, until three days are over.
    Nobody,
}

/// A wish to have an order sent elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Which one of its order: from 0, in the order in which they are sent.
    pub(super) number: usize,
    /// It is sent when the order is there, or beyond.
    pub(super) at: Stage,
    /// Where it is to go.
    pub(super) address: Address,
}

/// An order, and what people do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) order: Order,
    pub(super) verdict: Verdict,
    pub(super) changes: Vec<Change>,
    /// After how many looks it is cancelled, if it is not over by then.
    pub(super) cancel: Option<usize>,
    /// After how many looks it is killed, if it is not over by then; never what is to be cancelled.
    pub(super) kill: Option<usize>,
    /// After how many looks it is held up, until the next one.
    pub(super) hold: Option<usize>,
    /// How long it may take, if that is bounded.
    pub(super) timeout: Option<Duration>,
}

impl Plan {
    /// The order of a number.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let order = order(&mut random, number);
        let verdict = match random.random_range(0..10) {
            0 => Verdict::Nobody,
            1 | 2 => Verdict::Decline,
            _ => Verdict::Approve,
        };
        let changes = changes(&mut random, number, &order.address.city);
        let look = |random: &mut ChaCha8Rng, one_in, before| {
            random.random_ratio(1, one_in).then(|| random.random_range(0..before))
        };
        let cancel = look(&mut random, CANCELLED_ONE_IN, ENDED_BEFORE);
        let kill = look(&mut random, KILLED_ONE_IN, ENDED_BEFORE).filter(|_| cancel.is_none());
        let hold = look(&mut random, HELD_ONE_IN, HELD_BEFORE);
        let is_bounded = random.random_ratio(1, BOUNDED_ONE_IN);
        let timeout = is_bounded.then(|| Duration::from_millis(random.random_range(BOUNDS_MS)));
        Self { order, verdict, changes, cancel, kill, hold, timeout }
    }

    /// Whether its order is one of these, as a service has them.
    pub(super) fn is_in(&self, orders: &BTreeSet<i64>) -> bool {
        i64::try_from(self.order.number).is_ok_and(|number| orders.contains(&number))
    }
}

fn order(random: &mut ChaCha8Rng, number: u64) -> Order {
    let city = match random.random_ratio(1, LOST_ONE_IN) {
        true => LOST_CITY,
        false => CITIES.choose(random).unwrap_or(&CITIES[0]),
    };
    let card = match random.random_ratio(1, POOR_ONE_IN) {
        true => POOR_CARD,
        false if random.random_ratio(1, LOCKED_ONE_IN) => LOCKED_CARD,
        false => CARD,
    };
    let address = Address { street: format!("Elm Street {number}"), city: city.to_owned() };
    Order { number, card: card.to_owned(), address, lines: lines(random) }
}

/// Some goods, each once.
fn lines(random: &mut ChaCha8Rng) -> Vec<Line> {
    let mut goods = GOODS;
    goods.shuffle(random);
    let count = random.random_range(1..=LINES);
    let line = |Goods { item, cents, .. }: &Goods| {
        let pieces = random.random_range(1..=PIECES);
        Line { item: (*item).to_owned(), pieces, cents: *cents }
    };
    goods[..count].iter().map(line).collect()
}

/// Some change their minds at once, some while their order is packed, and some too late.
fn changes(random: &mut ChaCha8Rng, order: u64, city: &str) -> Vec<Change> {
    let stages = [Stage::Approval, Stage::Packing, Stage::OnItsWay];
    let wished = stages.into_iter().filter(|_| random.random_bool(0.4));
    let change = |(number, at)| {
        let street = format!("Oak Street {order}, door {number}");
        Change { number, at, address: Address { street, city: city.to_owned() } }
    };
    wished.enumerate().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_orders() {
        let all = |seed| (1..50).map(|number| Plan::new(seed, number)).collect::<Vec<_>>();
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn some_orders_need_approval_and_most_do_not() {
        let needy = (1..=200).filter(|number| Plan::new(1, *number).order.needs_approval());
        let needy = needy.count();
        assert!((20..100).contains(&needy), "{needy} of 200");
    }
}
