//! Looking out for shards that do not answer, so that the log says it.

use crate::engine::clock::Clock;
use crate::engine::inbox::{Busy, Inboxes, LOOK};
use crate::name::name;

/// Looks at the shards until the host stops, and says once of each message that takes too long.
pub(crate) async fn look_out(inboxes: Inboxes, clock: Clock) {
    let mut was_told = vec![false; inboxes.gates().len()];
    while !inboxes.are_stopped() {
        clock.pause(LOOK).await;
        for (busy, told) in inboxes.busy().zip(&mut was_told) {
            let busy = busy.filter(Busy::is_too_long);
            if let Some(busy) = busy.as_ref().filter(|_| !*told) {
                tell(busy);
            }
            *told = busy.is_some();
        }
    }
}

fn tell(busy: &Busy) {
    let shard = busy.shard;
    let seconds = busy.time.as_secs();
    match &busy.computes {
        Some((run, workflow)) => tracing::warn!(
            shard,
            %run,
            %workflow,
            seconds,
            "a turn takes long, and other runs wait for it; `{} cancel {run}` ends the run",
            name()
        ),
        None => tracing::warn!(
            shard,
            seconds,
            "a shard is held up, by the disk perhaps, and its runs wait"
        ),
    }
}
