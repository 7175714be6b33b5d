//! Orders that are paid, shipped and confirmed: what goes wrong in the book.
//!
//! The component comes in editions, by `ORDERS_EDITION` as it is built: without one, it divides by the
//! number of pieces; `fixed` does not; `reordered` ships before it is paid.

use segno::{Error, sleep, workflow};
use serde::{Deserialize, Serialize};

segno::export!(order, crunch);

segno::register!(steps::charge, steps::ship, steps::notify);

/// What somebody has ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: u64,
    /// What it costs.
    pub cents: u64,
    /// How many pieces it has.
    pub pieces: u64,
}

/// Takes an order through: payment, parcel, and a word to the customer.
#[workflow]
pub async fn order(order: Order) -> Result<String, Error> {
    if is_edition("reordered") {
        steps::ship(order.number).await?;
        steps::charge(order.number, order.cents).await?;
    } else {
        steps::charge(order.number, order.cents).await?;
        steps::ship(order.number).await?;
    }
    let each = match order.cents.checked_div(order.pieces) {
        None if is_edition("fixed") => order.cents,
        each => each.expect("an order has pieces"),
    };
    sleep("1 second").await;
    steps::notify(order.number, each).await?;
    Ok(format!("order {} is done", order.number))
}

/// Computes for as long as it is let, which is a mistake.
#[workflow]
pub async fn crunch(rounds: u64) -> Result<u64, Error> {
    sleep("1 second").await;
    Ok((0..rounds).fold(0, |sum, round| std::hint::black_box(sum) ^ round))
}

fn is_edition(name: &str) -> bool {
    option_env!("ORDERS_EDITION") == Some(name)
}

/// What touches the world: here, files in the working directory of the host stand for it.
#[segno::steps]
pub mod steps {
    use std::path::Path;

    use segno::{StepError, step};

    /// Takes the money; not while the payment service is down.
    #[step(max_retries = 100, backoff(initial = "1m", factor = 1, max = "1m", jitter = 0))]
    pub async fn charge(number: u64, cents: u64) -> Result<u64, StepError> {
        if Path::new("payments-are-down").exists() {
            return Err(format!(
                "payments.example.org does not take {cents} cents: connection refused"
            )
            .into());
        }
        Ok(number)
    }

    /// Sends the parcel.
    #[step]
    pub async fn ship(number: u64) -> Result<u64, StepError> {
        Ok(number)
    }

    /// Tells the customer.
    #[step]
    pub async fn notify(number: u64, each: u64) -> Result<String, StepError> {
        Ok(format!("order {number}: {each} cents each"))
    }
}
