//! Many clients at once, each with a connection of its own.

use std::cell::Cell;

use futures::future::try_join_all;

use crate::cli::bench::connection::{Connection, Target};

/// How many clients there are.
pub(super) const CLIENTS: usize = 64;

/// Does so many things, each by the client that is free first; `job` is told which one of them it is
/// to do. What they gave, in any order.
pub(super) async fn crowd<T>(
    target: &Target,
    count: usize,
    job: impl AsyncFn(&mut Connection, usize) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let next = Cell::new(0);
    let clients = (0..CLIENTS.min(count)).map(|_| async {
        let mut connection = Connection::open(target).await?;
        let mut done = Vec::new();
        while next.get() < count {
            let index = next.replace(next.get() + 1);
            done.push(job(&mut connection, index).await?);
        }
        anyhow::Ok(done)
    });
    Ok(try_join_all(clients).await?.into_iter().flatten().collect())
}
