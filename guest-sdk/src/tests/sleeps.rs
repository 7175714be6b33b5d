//! Sleeps that nobody waits for any more: the host hears of each once, and of no other.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{Either, FutureExt as _, join_all, select};

use crate::tests::{Run, step};
use crate::{Sleep, Webhook, sleep};

#[test]
fn a_sleep_that_lost_a_race_is_cancelled_once() {
    Run::start(|| async {
        let race = select(Box::pin(step::<u32>("fast")), sleep("1s")).await;
        drop(race);
        Ok(step::<u32>("next").await?)
    })
    .completed(0, "1")
    // Its event was on the way, or is a mistake of the host's.
    .slept(1)
    .completed(2, "3")
    .said(&[
        r#"0: s {"x":"fast"}"#,
        "1: sleep until 2000",
        "waiting",
        r#"2: s {"x":"next"}"#,
        "cancel 1",
        "waiting",
        "waiting",
        "completed 3",
    ]);
}

#[test]
fn a_sleep_that_is_over_is_not_cancelled() {
    Run::start(|| async {
        sleep("1s").await;
        let mut rest = sleep("2s");
        (&mut rest).await;
        drop(rest);
        step::<()>("next").await?;
        Ok(())
    })
    .slept(0)
    .slept(1)
    .said(&[
        "0: sleep until 2000",
        "waiting",
        "1: sleep until 3000",
        "waiting",
        r#"2: s {"x":"next"}"#,
        "waiting",
    ]);
}

#[test]
fn a_sleep_whose_event_nobody_looked_at_is_not_cancelled() {
    Run::start(|| async {
        let mut rest = sleep("1s");
        assert!((&mut rest).now_or_never().is_none());
        step::<()>("busy").await?;
        drop(rest);
        step::<()>("next").await?;
        Ok(())
    })
    .slept(0)
    .completed(1, "null")
    .said(&[
        "0: sleep until 2000",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        r#"2: s {"x":"next"}"#,
        "waiting",
    ]);
}

#[test]
fn a_sleep_that_was_never_polled_asks_for_nothing() {
    Run::start(|| async {
        // The first is ready at once, so the second is not looked at.
        drop(select(Box::pin(async {}), sleep("1s")).await);
        step::<()>("next").await?;
        Ok(())
    })
    .said(&[r#"0: s {"x":"next"}"#, "waiting"]);
}

#[test]
fn a_sleep_that_is_lent_to_a_race_goes_on() {
    Run::start(|| async {
        let webhook = Webhook::new();
        let mut deadline = sleep("1s");
        let mut requests = 0;
        while let Either::Left(_) = select(webhook.next(), &mut deadline).await {
            requests += 1;
        }
        Ok(requests)
    })
    .requested(0, 0)
    .requested(0, 1)
    .slept(1)
    .said(&[
        "0: webhook accepted",
        "1: sleep until 2000",
        "waiting",
        "take 0",
        "waiting",
        "take 0",
        "waiting",
        "completed 2",
    ]);
}

#[test]
fn sleeps_are_cancelled_in_the_order_of_their_drops() {
    Run::start(|| async {
        let mut sleeps: Vec<_> = (0..4).map(|_| sleep("1s")).collect();
        assert!(join_all(&mut sleeps).now_or_never().is_none());
        drop(sleeps.remove(2));
        drop(sleeps);
        step::<()>("next").await?;
        Ok(())
    })
    .said(&[
        "0: sleep until 2000",
        "1: sleep until 2000",
        "2: sleep until 2000",
        "3: sleep until 2000",
        r#"4: s {"x":"next"}"#,
        "cancel 2",
        "cancel 0",
        "cancel 1",
        "cancel 3",
        "waiting",
    ]);
}

#[test]
fn a_loop_that_races_a_sleep_leaves_none_behind() {
    const ROUNDS: usize = 1_000;
    let mut run = Run::start(|| async {
        let webhook = Webhook::new();
        loop {
            drop(select(webhook.next(), sleep("24 hours")).await);
            if crate::random() == 0 {
                return Ok(());
            }
        }
    });
    for number in 0..ROUNDS {
        run = run.requested(0, number as u64);
        assert_eq!(run.open(), 2, "round {number}");
    }
    let history = run.history.borrow();
    let cancelled: Vec<_> = history.iter().filter(|line| line.starts_with("cancel")).collect();
    let expected: Vec<_> = (1..=ROUNDS).map(|sleep| format!("cancel {sleep}")).collect();
    assert_eq!(cancelled, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_workflow_that_ends_cancels_nothing_for_its_verdict_does() {
    Run::start(|| async {
        let mut rest = sleep("1s");
        assert!((&mut rest).now_or_never().is_none());
        step::<()>("last").await?;
        Ok(())
    })
    .completed(1, "null")
    .said(&["0: sleep until 2000", r#"1: s {"x":"last"}"#, "waiting", "completed null"]);
}

/// Ends at its first poll, and holds a sleep until it is dropped.
struct Holder(Sleep);

impl Future for Holder {
    type Output = Result<(), crate::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.0.poll_unpin(context).is_pending());
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_a_workflow_still_holds_when_it_has_ended_is_not_cancelled() {
    Run::start(|| Holder(sleep("1s"))).said(&["0: sleep until 2000", "completed null"]);
}

#[test]
fn an_abandoned_run_asks_the_next_run_of_its_thread_for_nothing() {
    let abandoned = Run::start(|| async {
        sleep("1s").await;
        Ok(())
    });
    Run::start(|| async {
        sleep("2s").await;
        Ok(())
    })
    .slept(0)
    .said(&["0: sleep until 3000", "waiting", "completed null"]);
    abandoned.said(&["0: sleep until 2000", "waiting"]);
}
