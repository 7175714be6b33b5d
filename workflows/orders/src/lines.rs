//! The lines of an order, as it sees them: children that it waits for.

use futures::StreamExt as _;
use futures::future::{Either, select, try_join_all};
use futures::stream::FuturesUnordered;
use segno::{Child, Error, Signals, signals, spawn};

use crate::line::{Ended, Job, PAID, RESERVED, line};
use crate::model::{Line, Order};

/// All lines of an order, at work since this was made.
pub(crate) struct Lines {
    children: FuturesUnordered<Child<Ended>>,
    reserved: Signals<String>,
}

impl Lines {
    /// Starts a child for each line.
    pub(crate) fn start(order: &Order) -> Self {
        let job = |line: &Line| Job { order: order.number, line: line.clone() };
        let children = order.lines.iter().map(|of| spawn::<line>(&job(of))).collect();
        Self { children, reserved: signals(RESERVED) }
    }

    /// Waits until each line has its stock or knows that there is none; gives the items that the
    /// warehouse has not, in the order of the alphabet.
    pub(crate) async fn missing(&mut self) -> Result<Vec<String>, Error> {
        let mut missing = Vec::new();
        let mut unknown = self.children.len();
        while unknown > 0 {
            unknown -= 1;
            if let Either::Right((Some(ended), _)) =
                select(self.reserved.next(), self.children.next()).await
                && let Ended::OutOfStock(item) = ended?
            {
                missing.push(item);
            }
        }
        missing.sort();
        Ok(missing)
    }

    /// Tells all that the order is paid.
    pub(crate) async fn pack(&self) -> Result<(), Error> {
        try_join_all(self.children.iter().map(|child| child.signal(PAID, &()))).await?;
        Ok(())
    }

    /// Waits until one more is packed; false if all are.
    pub(crate) async fn next_packed(&mut self) -> Result<bool, Error> {
        Ok(self.children.next().await.transpose()?.is_some())
    }
}
